"""What the screen makes of a turn: drafts, versions, cards, decisions, and the line of steps."""

import asyncio
import random
import re
from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import Interrupt, interrupt

from course_lib.chat import ChatController, ChatPanel
from course_lib.chat.chips import Chip
from course_lib.chat.drafts import Draft
from course_lib.chat.entry_diff import TextAppended
from course_lib.chat.events import ThreadLoaded
from course_lib.chat.forking import NOT_ANSWERED, NOT_RUN, run_input
from course_lib.chat.markup import to_html
from course_lib.chat.message_keys import message_keys
from course_lib.chat.run_cost import RunCost, cost_parts
from course_lib.chat.ui_words import words_for, yes_or_no
from course_lib.chat.versions import versions_on_path
from course_lib.chat.work_summary import work_summary
from course_lib.display import Card
from course_lib.namu import book_place, build_namu, follow_ups, place_cards

MARKDOWN = """Here are **three**:

1. one, with `code`

   and a second paragraph
2. two

```python
x = 1

y = 2
```

| a | b |
|---|---|
| 1 | 2 |

The end."""


def entries_of(panel, kind):
    return [entry for entry in panel.transcript.entries if entry["kind"] == kind]


def booking_panel(**options):
    graph = build_namu(checkpointer=InMemorySaver(), store=InMemoryStore(), tools=[book_place])
    return ChatPanel(graph, **options)


@pytest.mark.parametrize("seed", range(20))
def test_a_draft_shows_what_the_whole_text_will_show(seed):
    """Whatever pieces a model writes in, the parts of a draft together are the Markdown."""
    pieces = random.Random(seed)
    draft, done, at = Draft("a"), "", 0
    while at < len(MARKDOWN):
        size = pieces.randint(1, 12)
        change = draft.append(MARKDOWN[at : at + size])
        done += "" if isinstance(change, TextAppended) else change.done
        at += size
    shown = draft.entry()["draft"]
    assert shown["done"] == done and draft.text == MARKDOWN
    assert done + shown["block"] + to_html(shown["tail"]) == to_html(MARKDOWN)


def test_a_draft_cannot_run_anything_and_grows_with_its_length_only():
    draft = Draft("a")
    draft.append("<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n")
    shown = str(draft.entry()["draft"])
    assert "<img" not in shown and "<a" not in shown
    sent = sum(len(str(vars(draft.append(f"word {n}.\n\n")))) for n in range(500))
    assert sent < 200_000  # with the whole text each time it would be 3 million


async def versions(chat):
    """The versions on screen, by the words of the message."""
    thread = chat._reader.last
    said = [
        (key, message.text)
        for key, message in zip(message_keys(thread.messages), thread.messages, strict=True)
        if message.type == "human"
    ]
    here = chat.config["configurable"].get("checkpoint_id")
    found = versions_on_path(await chat.tree(), here, [key for key, _ in said])
    return {words: found[key] for key, words in said if key in found}


def echo(state):
    return {"messages": [AIMessage(f"heard {state['messages'][-1].text}")]}


def echo_graph():
    graph = StateGraph(MessagesState).add_node("echo", echo)
    graph.add_edge(START, "echo").add_edge("echo", END)
    return graph.compile(checkpointer=InMemorySaver())


def key_of(chat, words):
    messages = chat._reader.last.messages
    keys = dict(zip((m.text for m in messages), message_keys(messages), strict=True))
    return keys[words]


@pytest.mark.parametrize("first", ["hello", "second"])
async def test_edited_and_retried_messages_are_versions_of_one_another(first):
    chat = ChatController(echo_graph())
    for words in ("hello", "second", "third"):
        await chat.send(words)
    assert await versions(chat) == {}
    await chat.edit(key_of(chat, first), "changed")
    await chat.try_again(key_of(chat, "heard changed"))
    (found,) = (await versions(chat)).values()
    assert (len(found.ends), found.at) == (3, 2)
    # Each version leads to the end of its branch, where the same versions are seen again.
    for at, end in enumerate(found.ends):
        await chat.go_to(end)
        (there,) = (await versions(chat)).values()
        assert (there.ends, there.at) == (found.ends, at)
        texts = [m.text for m in chat._reader.last.messages]
        assert ("third" in texts) == (at == 0) and ("changed" in texts) == (at > 0)


async def test_versions_of_an_earlier_and_a_later_message_are_told_apart():
    chat = ChatController(echo_graph())
    for words in ("one", "two"):
        await chat.send(words)
    await chat.edit(key_of(chat, "two"), "zwei")
    await chat.edit(key_of(chat, "one"), "eins")
    await chat.send("two again")
    assert {words: found.at for words, found in (await versions(chat)).items()} == {"eins": 1}
    ends = (await versions(chat))["eins"].ends
    await chat.go_to(ends[0])
    found = await versions(chat)
    assert {words: (len(v.ends), v.at) for words, v in found.items()} == {
        "one": (2, 0),
        "zwei": (2, 1),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", True),
        ("Yes!", True),
        ("  ok. ", True),
        ("네", True),
        ("응~", True),
        ("sounds good", True),
        ("Perfect!", True),
        ("그거 좋다 ㅎㅎ", True),
        ("오 괜찮은데?", True),
        ("not good", None),
        ("괜찮아?", None),
        ("the second one sounds good", None),
        ("no", False),
        ("아니요", False),
        ("No thanks.", False),
        ("yes, but for five", None),
        ("no idea", None),
        ("yesterday", None),
        ("네 번째", None),
        ("", None),
    ],
)
def test_only_a_bare_yes_or_no_is_an_answer(text, said):
    assert yes_or_no(text) is said


async def test_a_typed_yes_sends_what_is_filled_in_and_a_no_rejects():
    panel = booking_panel()
    await panel.send("a quiet cafe in Jongno-gu")
    await panel.send("book the first one for 3")
    (card,) = entries_of(panel, "approval")
    await panel.send("yes", {card["id"]: {"people": "6", "day": "Friday"}})
    assert "6 people, Friday" in panel.transcript.kept()[-1][1]
    (decided,) = entries_of(panel, "decided")
    assert decided["outcome"] == "yes" and decided["text"].endswith("6, Friday")
    await panel.send("book the second one for 3")
    await panel.send("아니요")
    assert [entry["outcome"] for entry in entries_of(panel, "decided")] == ["yes", "no"]
    assert len(entries_of(panel, "you")) == 3  # a yes and a no are no messages


async def test_a_refused_answer_leaves_no_line_and_a_dropped_question_leaves_one():
    panel = booking_panel()
    await panel.send("a quiet cafe in Jongno-gu")
    await panel.send("book the first one for 3")
    (card,) = entries_of(panel, "approval")
    await panel.send("yes", {card["id"]: {"people": "99", "day": "Friday"}})
    assert not entries_of(panel, "decided") and entries_of(panel, "approval")[0]["errors"]
    await panel.send("a park in Mapo")
    assert [entry["outcome"] for entry in entries_of(panel, "decided")] == ["dropped"]
    kinds = [entry["kind"] for entry in panel.transcript.entries]
    assert kinds.index("decided") < len(kinds) - 1 - kinds[::-1].index("you")


async def test_a_reopened_thread_tells_the_same_of_a_dropped_question_and_of_its_cards():
    panel = booking_panel(cards=place_cards)
    await panel.send("a quiet cafe in Jongno-gu")
    await panel.send("book the first one for 3")
    await panel.send("hello")
    chat = panel.controller
    again = ChatPanel(chat.graph, cards=place_cards, thread_id=chat.thread_id)
    await again.load()
    for kind in ("decided", "cards", "answer"):
        assert entries_of(again, kind) == entries_of(panel, kind), kind
    places = [[e["kind"] for e in p.transcript.entries].index("cards") for p in (panel, again)]
    assert places[0] == places[1] < len(panel.transcript.entries) - 3
    assert entries_of(again, "decided")[0]["text"] == "Not answered: you went on."


def ask_in_a_node(state):
    answers = [interrupt("which day?"), interrupt("how many?")]
    return {"messages": [AIMessage(f"booked for {answers}")]}


def ask_in_another_node(state):
    return {"messages": [AIMessage(f"told: {interrupt('shall I tell them?')}")]}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("greeting", ["hello", "안녕"])
async def test_a_reopened_thread_tells_of_the_questions_of_plain_nodes_too(nested, greeting):
    graph = StateGraph(MessagesState).add_node("a", ask_in_a_node)
    graph.add_node("b", ask_in_another_node).add_edge(START, "a").add_edge(START, "b")
    if nested:
        graph = StateGraph(MessagesState).add_node("inner", graph.compile())
        graph.add_edge(START, "inner")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    await panel.send(greeting)
    await panel.send("two questions dropped")
    asked = panel.transcript._now.thread.interrupts  # in the order in which they came
    day = next(each for each in asked if each.value == "which day?")
    await panel.controller.resume({day.id: "Friday"})  # its node asks again
    await panel.send("안녕, dropped as well")
    chat = panel.controller
    front = panel._conversations.front
    for card in [each.id for each in panel.transcript._now.thread.interrupts]:
        if panel.transcript.approval(card).question == "which day?":
            await chat.resume({card: "Friday"})  # its node asks again: only that is stored
        else:
            await front.answer(card, {"text": "yes"})
    (last,) = panel.transcript._now.thread.interrupts
    await front.answer(last.id, {"text": "3"})
    await panel.send("the end, and this question is open")
    again = ChatPanel(chat.graph, thread_id=chat.thread_id)
    await again.load()
    await again._conversations.front.show_history()
    kinds = ("you", "answer", "decided")
    live, reopened = (
        [(e["kind"], e["text"]) for e in p.transcript.entries if e["kind"] in kinds]
        for p in (panel, again)
    )
    answered = ("Answered: shall I tell them, yes", "Answered: how many, 3")
    assert [text for _, text in live if text in answered] == list(answered)
    if nested:  # what a subgraph was answered is kept in checkpoints of its own
        live = [each for each in live if each[1] not in answered]
    for entries in (live, reopened):  # which answer of a step came first is not stored
        entries.sort(key=lambda each: each[1] if each[1] in answered else "")
    assert reopened == live
    assert [kind for kind, _ in live].count("decided") == (4 if nested else 6)
    # On the way to an earlier checkpoint, only what was dropped before it is told.
    waiting = [each.id for each in (await chat.tree()).checkpoints.values() if each.questions]
    await again.controller.go_to(waiting[0])
    await again._conversations.front.show_history()
    assert not entries_of(again, "decided")


async def test_a_stopped_tool_is_no_question_that_was_let_drop():
    calls = [{"name": "look", "args": {}, "id": "1"}]
    thread = ThreadLoaded("t", "c", {"messages": [AIMessage("", tool_calls=calls)]})
    namu = booking_panel().controller
    (closing, _) = run_input(namu.access, thread, HumanMessage("go on"))["messages"]
    assert closing.content == NOT_RUN
    thread = replace(thread, interrupts=[Interrupt("sure?", id="1")])
    (closing, _) = run_input(namu.access, thread, HumanMessage("go on"))["messages"]
    assert closing.content == NOT_ANSWERED


async def test_a_yes_is_a_message_where_two_questions_or_none_are_open():
    def ask(state):
        return {"messages": [AIMessage(f"{interrupt('go on?')}")]}

    graph = StateGraph(MessagesState).add_node("a", ask).add_node("b", ask)
    graph.add_edge(START, "a").add_edge(START, "b")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    await panel.send("yes")
    assert len(entries_of(panel, "approval")) == 2
    await panel.send("yes")
    assert [entry["text"] for entry in entries_of(panel, "you")] == ["yes", "yes"]


async def test_a_question_in_korean_has_korean_buttons():
    panel = booking_panel()
    await panel.send("종로 카페 추천해줘")
    await panel.send("첫 번째 예약해줘")
    (card,) = entries_of(panel, "approval")
    assert [button["label"] for button in card["buttons"]] == ["승인", "거절"]
    assert card["labels"]["asks"] == words_for("가")["asks"]


async def test_cards_come_with_the_answer_that_changed_them_and_only_the_newest_can_be_pressed():
    panel = booking_panel(cards=place_cards)
    await panel.send("a quiet cafe in Jongno-gu")
    await panel.send("tell me about the first one")
    assert len(entries_of(panel, "cards")) == 1  # the same places again
    await panel.send("a park in Mapo")
    old, new = entries_of(panel, "cards")
    assert not any(card["actions"] for card in old["cards"])
    assert all(len(card["actions"]) == 3 for card in new["cards"])
    answer = entries_of(panel, "answer")[-1]
    assert answer["titles"] == [card["title"] for card in new["cards"]]


async def test_faults_of_the_functions_for_cards_and_suggestions_end_nothing():
    def fail(state):
        raise RuntimeError("out of order")

    panel = ChatPanel(echo_graph(), cards=fail, suggestions=fail)
    await panel.send("hello")
    assert panel.transcript.kept()[-1] == ("answer", "heard hello")
    assert panel.view.suggestions == []


async def test_suggestions_follow_the_state():
    panel = booking_panel(suggestions=follow_ups)
    assert panel.view.suggestions == list(follow_ups({}))
    await panel.send("종로 카페 추천해줘")
    assert all(re.search("[가-힣]", text) for text in panel.view.suggestions)


async def test_a_card_of_any_graph_is_shown_with_its_text_made_safe():
    card = Card("\u202eevil", facts=("a",), price=None, actions=(("Say", "hello"),))
    panel = ChatPanel(echo_graph(), cards=lambda state: [card] * 30)
    await panel.send("hello")
    (shown,) = entries_of(panel, "cards")
    assert len(shown["cards"]) == 20 and "\u202e" not in str(shown)


def test_the_line_of_steps():
    chips = [Chip("node", "agent", "done"), Chip("tool", "search", "done")]
    cost = cost_parts(RunCost(0.32, 2, 0, 1400, 12), 500)
    assert work_summary(chips, cost) == "1 step · 1 tool · 0.3 s · 1,412 tokens"
    chips = [Chip("node", "agent", "done"), Chip("node", "tools", "running")]
    assert work_summary(chips, cost) == "running: tools · 2 steps"
    assert work_summary([Chip("node", "a", "failed")], []) == "1 step · failed"
    assert work_summary([Chip("progress", "loading", "running")], []) == "progress"


@pytest.mark.soak
async def test_the_pace_holds_up_the_screen_and_changes_nothing_else():
    panel = booking_panel(pace="natural")
    await panel.send("a quiet cafe in Jongno-gu")
    slow = panel.transcript.kept()
    panel.view.pace = "instant"
    fast = booking_panel()
    await fast.send("a quiet cafe in Jongno-gu")
    assert slow == fast.transcript.kept() and panel.controller.runner.pace == "instant"


async def test_the_places_of_an_answer_are_on_a_map_beside_it():
    panel = booking_panel(cards=place_cards)
    panel.inspector.view_selector.value = "Map"
    assert panel.inspector.map.value.count("<circle") == 0
    await panel.send("a quiet cafe in Jongno-gu")
    assert panel.inspector.map.value.count("<circle") == 3
    assert "Map" not in booking_panel().inspector.view_selector.options


async def test_what_is_missing_to_agree_is_said_at_its_field_and_nobody_who_refuses_is_asked():
    panel = booking_panel()
    await panel.send("a quiet cafe in Jongno-gu")
    await panel.send("book the first one")
    (card,) = entries_of(panel, "approval")
    await panel.send("yes")
    (card,) = entries_of(panel, "approval")
    assert set(card["errors"]) == {"people", "day"}
    assert all("Nothing is filled in" in text for text in card["errors"].values())
    await panel.send("no")
    assert entries_of(panel, "decided")[0]["outcome"] == "no"


async def test_a_message_that_is_edited_while_it_is_answered_has_two_versions():
    panel = booking_panel(pace="natural")
    running = asyncio.ensure_future(panel.send("a cafe in Mapo"))
    while not entries_of(panel, "answer"):
        await asyncio.sleep(0.01)
    panel.view.pace = "instant"
    (said,) = entries_of(panel, "you")
    await panel.instead(panel.controller.edit(said["key"], "a park in Mapo"))
    await running
    for _ in range(200):  # the versions are read behind the run
        (said,) = entries_of(panel, "you")
        if "versions" in said:
            break
        await asyncio.sleep(0.01)
    assert (said["text"], said["versions"]["at"]) == ("a park in Mapo", 1)
