"""The exercises: four outcomes told apart, hints and solutions on request, progress kept."""

import ast
import contextlib
import json
import math
import operator
import shutil
import subprocess
from collections import Counter
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command, Overwrite, interrupt
from typing_extensions import TypedDict

from course_lib.exercises import ch01, ch02, ch03, ch04, ch05, ch06, ch07, ch14, ch17, progress
from course_lib.exercises.exercise import Exercise, code_of, is_untouched
from course_lib.exercises.generate import exercise_of, generate, notebook_text
from course_lib.exercises.report import report
from course_lib.namu import build_namu
from course_lib.persistence import namespace_label, open_checkpointer
from course_lib.settings import ROOT

EXERCISES = [
    e
    for module in (ch01, ch02, ch03, ch04, ch05, ch06, ch07, ch14, ch17)
    for e in vars(module).values()
    if isinstance(e, Exercise)
]


@tool
def unused() -> str:
    """Nobody will ever call this."""
    return "never"


class Text(TypedDict):
    text: str


class Chat(MessagesState):
    intent: str


class Poll(TypedDict):
    votes: dict[str, int]


def letters(*order, compiled=True):
    def build():
        builder = StateGraph(Text)
        previous = START
        for n, letter in enumerate(order):
            builder.add_node(str(n), lambda s, letter=letter: {"text": s["text"] + letter})
            builder.add_edge(previous, str(n))
            previous = str(n)
        builder.add_edge(previous, END)
        return builder.compile() if compiled else builder

    return build


def assistant(*, conditional=True, intent=True, answer="ok", roads=("a", "b")):
    def build():
        def router(state):
            wish = "find" in state["messages"][-1].text.lower()
            return {"intent": ("NEW_SEARCH" if wish else "CONVERSATION") if intent else "?"}

        def speak(state):
            return {"messages": [{"role": "ai", "content": answer}]}

        builder = StateGraph(Chat)
        builder.add_node(router)
        builder.add_edge(START, "router")
        for name in ("a", "b"):
            builder.add_node(name, speak)
        if conditional:
            pick = {"NEW_SEARCH": roads[0]}
            builder.add_conditional_edges(
                "router", lambda s: pick.get(s["intent"], roads[1]), ["a", "b"]
            )
        else:
            builder.add_edge("router", "a")
        return builder.compile()

    return build


def budget(free, cheap, other):
    def note_budget(state):
        text = state["message"].lower()
        return free if "free" in text else cheap if "cheap" in text else other

    return note_budget


def mutating_union(left, right):
    left += [x for x in right if x not in left]
    return left


def mutating_tally(left, right):
    for key, count in right.items():
        left[key] = left.get(key, 0) + count
    return left


def tally(left, right):
    return dict(Counter(left) + Counter(right))


class TalliedPoll(TypedDict):
    votes: Annotated[dict[str, int], tally]


CHOICES = {
    "last_query": "last value",
    "tool_log": "operator.add",
    "seen_ids": "union",
    "messages": "add_messages",
}


def say_in_memory(url, thread_id, text):
    return texts_of(InMemorySaver(), thread_id, text)


def say_to_one_thread(url, thread_id, text):
    with open_checkpointer(url) as saver:
        return texts_of(saver, "always the same", text)


def say_to_a_memory_of_its_own():
    kept = InMemorySaver()
    return lambda url, thread_id, text: texts_of(kept, thread_id, text)


def texts_of(saver, thread_id, text):
    state = ch03.echo_graph(saver).invoke(
        {"messages": [{"role": "user", "content": text}]},
        {"configurable": {"thread_id": thread_id}},
    )
    return [message.text for message in state["messages"]]


def steps(where="thread_id = ?", order="checkpoint_id", pasted=False):
    columns = "metadata ->> 'step', metadata ->> 'source'"

    def steps_of(connection, thread_id):
        sql = f"SELECT {columns} FROM checkpoints WHERE {where} ORDER BY {order}"
        if pasted:
            return connection.execute(sql.replace("?", f"'{thread_id}'")).fetchall()
        return connection.execute(sql, [thread_id] * sql.count("?")).fetchall()

    return steps_of


def undo(
    tables=("checkpoints", "writes"),
    comparison=">=",
    thread="thread_id = ?",
    commit=True,
    pasted=False,
    first_only=False,
):
    def undo_last_turn(connection, thread_id):
        find = (
            "SELECT max(checkpoint_id) FROM checkpoints "
            "WHERE thread_id = ? AND metadata ->> 'source' = 'input'"
        )
        if pasted:
            row = connection.execute(find.replace("?", f"'{thread_id}'")).fetchone()
        else:
            row = connection.execute(find, [thread_id]).fetchone()
        if first_only and row[0] is None:
            raise TypeError("no such thread")
        for table in tables:
            sql = f"DELETE FROM {table} WHERE checkpoint_id {comparison} ? AND {thread}"
            if pasted:
                connection.execute(sql.replace("thread_id = ?", f"thread_id = '{thread_id}'"), row)
            else:
                connection.execute(sql, [row[0], thread_id][: sql.count("?")])
        if commit:
            connection.commit()

    return undo_last_turn


def told_apart(owners, user, thread_id):
    if thread_id not in owners:
        raise LookupError("no such thread")
    if owners[thread_id] != user:
        raise LookupError("not yours")
    return thread_id


def titles(where="tenant = ? AND user = ?", order="active_at DESC", pasted=False):
    def threads_of(database, tenant, user):
        given = [tenant, user][-where.count("?") :]
        sql = f"SELECT title FROM threads WHERE {where} ORDER BY {order}"
        if pasted:
            for value in given:
                sql = sql.replace("?", f"'{value}'", 1)
            given = []
        return [title for (title,) in database.execute(sql, given)]

    return threads_of


def owner_in_metadata(saver, thread_id):
    found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
    return found.metadata.get("user", "nobody") if found else None


def any_snapshot(matches):
    def find(graph, thread, n):
        for snapshot in graph.get_state_history(thread):
            if matches(snapshot, n):
                return snapshot.config

    return find


def asked(snapshot):
    return [m for m in snapshot.values.get("messages", []) if m.type == "human"]


def edit_at_the_end(graph, thread, message_id, text):
    graph.update_state(thread, {"messages": [HumanMessage(text, id=message_id)]})


def edit_with_a_new_id(graph, thread, message_id, text):
    for snapshot in graph.get_state_history(thread):
        messages = snapshot.values.get("messages", [])
        if snapshot.next and messages and messages[-1].id == message_id:
            edited = [RemoveMessage(id=message_id), HumanMessage(text)]
            graph.invoke(None, graph.update_state(snapshot.config, {"messages": edited}))
            return


def edit_and_forget(graph, thread, message_id, text):
    kept = graph.get_state(thread).values["messages"][:2]
    graph.checkpointer.delete_thread(thread["configurable"]["thread_id"])
    graph.invoke({"messages": [*kept, HumanMessage(text, id=message_id)]}, thread)


def take_back_only(count, **options):
    def take_back(graph, thread):
        messages = graph.get_state(thread).values["messages"][-count:]
        gone = [RemoveMessage(id=m.id) for m in messages]
        graph.update_state(thread, {"messages": gone}, **options)

    return take_back


def newest_only(graph, thread):
    return [[m.text for m in graph.get_state(thread).values["messages"]]]


def streamed(mode="messages", keep=lambda chunk, metadata: True):
    """The words of an answer, by one way of choosing what to keep."""

    def answer_tokens(graph, text, thread):
        parts = graph.stream({"messages": [("user", text)]}, thread, stream_mode=mode, version="v2")
        return [str(p["data"][0].text) for p in parts if keep(*p["data"])]

    return answer_tokens


def invoked(graph, text, thread):
    return [graph.invoke({"messages": [("user", text)]}, thread)["messages"][-1].text]


def by_tasks(graph, text, thread):
    parts = graph.stream({"messages": [("user", text)]}, thread, stream_mode="tasks", version="v2")
    return [part["data"]["name"] for part in parts]


def scan_silently(state):
    return {"found": len(state["items"])}


def scan_late(state):
    tell = get_stream_writer()
    tell({"done": len(state["items"]), "total": len(state["items"])})
    return {"found": len(state["items"])}


def scan_from_zero(state):
    tell = get_stream_writer()
    for n, _ in enumerate(state["items"]):
        tell({"done": n, "total": len(state["items"])})
    return {"found": len(state["items"])}


def parse_piece_by_piece(pieces):
    found = []
    for piece in pieces:
        for block in piece.decode().split("\n\n"):
            if block:
                kind, data = block.split("\n")
                found.append(
                    (kind.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
                )
    return found


def parse_letters(pieces):
    text = "".join(piece.decode(errors="ignore") for piece in pieces)
    return parse_piece_by_piece([text.rpartition("\n\n")[0].encode()])


def parse_what_is_whole(pieces):
    found = []
    for piece in pieces:
        try:
            found += parse_piece_by_piece([piece])
        except ValueError:
            continue
    return found


async def glimpse_all(graph, text, thread, limit):
    state = await graph.ainvoke({"messages": [("user", text)]}, thread)
    return str(state["messages"][1].text)[:limit]


async def glimpse_and_drain(graph, text, thread, limit):
    seen = ""
    given = {"messages": [("user", text)]}
    async for part in graph.astream(given, thread, stream_mode="messages", version="v2"):
        if len(seen) < limit:
            seen += str(part["data"][0].text)
    return seen


async def glimpse_and_leave_open(graph, text, thread, limit):
    seen = ""
    given = {"messages": [("user", text)]}
    async for part in graph.astream(given, thread, stream_mode="messages", version="v2"):
        seen += str(part["data"][0].text)
        if len(seen) >= limit:
            break
    return seen


async def glimpse_nothing(graph, text, thread, limit):
    return ""


def asked_twice(state, write):
    receipt = write(state["place"])
    return {"receipt": receipt} if interrupt("Book?") else {}


def written_always(state, write):
    interrupt("Book?")
    return {"receipt": write(state["place"])}


def ask_once(state):
    return {"people": interrupt("How many?")}


def ask_mutely(state):
    while True:
        answer = interrupt("How many?")
        if type(answer) is int and 1 <= answer <= 8:
            return {"people": answer}


def ask_loosely(state):
    question = "How many?"
    while True:
        answer = interrupt(question)
        if isinstance(answer, int) and 1 <= answer <= 8:  # True is an int as well
            return {"people": answer}
        question = f"{answer!r}?"


def resume_by_order(graph, thread, answers):
    asked = graph.get_state(thread).interrupts
    known = {each.id: value for each, value in zip(asked, answers.values(), strict=False)}
    return graph.invoke(Command(resume=known), thread)


def resume_every(graph, thread, answers):
    asked = graph.get_state(thread).interrupts
    known = {each.id: answers.get(each.value) for each in asked}
    return graph.invoke(Command(resume=known), thread)


def turned(edit, go_on=True, same_id=True):
    def turn_around(graph, thread, changes):
        last = graph.get_state(thread).values["messages"][-1]
        call = last.tool_calls[0]
        edited = AIMessage(
            "", id=last.id if same_id else None, tool_calls=[{**call, "args": edit(call, changes)}]
        )
        graph.update_state(thread, {"messages": [edited]})
        return graph.invoke(None, thread) if go_on else None

    return turn_around


def look_silently(runtime: ToolRuntime[Any, Any]) -> str:
    return ", ".join(p["name_en"] for p in runtime.state["last_recommended_places"])


def look_from_zero(runtime: ToolRuntime[Any, Any]) -> str:
    names = [place["name_en"] for place in runtime.state["last_recommended_places"]]
    for n, name in enumerate(names):
        runtime.stream_writer({"label": name, "done": n, "total": len(names)})
    return ", ".join(names)


def look_and_say_nothing(runtime: ToolRuntime[Any, Any]) -> str:
    look_silently(runtime)
    return ""


def forget_unasked(runtime: ToolRuntime[Any, Any]) -> Any:
    answer = ToolMessage("Forgotten.", tool_call_id=runtime.tool_call_id)
    return Command(update={"excluded_place_ids": Overwrite([]), "messages": [answer]})


def forget_through_the_reducer(runtime: ToolRuntime[Any, Any]) -> Any:
    if not interrupt("Forget 2 places?"):
        return "no"
    answer = ToolMessage("Forgotten.", tool_call_id=runtime.tool_call_id)
    return Command(update={"excluded_place_ids": [], "messages": [answer]})


def forget_whatever_is_said(runtime: ToolRuntime[Any, Any]) -> Any:
    interrupt("Forget 2 places?")
    answer = ToolMessage("Forgotten.", tool_call_id=runtime.tool_call_id)
    return Command(update={"excluded_place_ids": Overwrite([]), "messages": [answer]})


def kept(page, key):
    """A tool that keeps a place, under a page and a key of its own choosing."""

    def keep_place(number: int, runtime: ToolRuntime[Any, Any]) -> str:
        table = runtime.state["last_recommended_places"]
        if not 1 <= number <= len(table):
            return f"no place {number}"
        place = table[number - 1]
        user = namespace_label(runtime.config["metadata"]["user"])
        runtime.store.put(page(user), key(place), {"place": place["name_en"]})
        return "kept"

    return keep_place


def metric(page, name):
    """The first number of that name on a metrics page, without adding up engines."""
    return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name))


def hits_since_the_start(before, after):
    return metric(after, ch14.HITS) / metric(after, ch14.QUERIES)


def hits_of_one_engine(before, after):
    asked = metric(after, ch14.QUERIES) - metric(before, ch14.QUERIES)
    return (metric(after, ch14.HITS) - metric(before, ch14.HITS)) / asked if asked else 0.0


def servers(need, speed, spare=1):
    return math.ceil(need / (0.6 * speed)) + spare


def answering(say):
    """`steady_graph` with this way to ask the models."""

    def steady_graph(models, saver):
        def answer(state: MessagesState):
            return {"messages": [say(models, state["messages"])]}

        builder = StateGraph(MessagesState)
        builder.add_node(answer)
        return builder.add_edge(START, "answer").compile(checkpointer=saver)

    return steady_graph


def say_all(models, messages):
    answers = [model.invoke(messages) for model in models]
    return answers[0]


def say_sorry(models, messages):
    for model in models:
        with contextlib.suppress(Exception):
            return model.invoke(messages)
    return AIMessage("Sorry, nobody is there.")


def say_unless_unreachable(models, messages):
    try:
        return models[0].invoke(messages)
    except ConnectionError:
        return models[1].invoke(messages)


WRONG = {
    "ch14.e1": [
        lambda layers, heads, width, each: layers * heads * width * each,
        lambda layers, heads, width, each: 2 * layers * width * each,
        lambda layers, heads, width, each: 2 * layers * heads * width,
    ],
    "ch14.e2": [
        lambda memory, weights, each, tokens: int((memory - weights) // (each * tokens)),
        lambda memory, weights, each, tokens: int((0.9 * memory - weights) // (each * tokens)),
        lambda memory, weights, each, tokens: max(0, (0.9 * memory - weights) // (each * tokens)),
    ],
    "ch14.e3": [hits_since_the_start, hits_of_one_engine, lambda before, after: 0.64],
    "ch14.e4": [
        lambda loads, need, limit: servers(need, max(speed for _, speed, _ in loads)),
        lambda loads, need, limit: servers(need, max(s for _, s, f in loads if f <= limit), 0),
        lambda loads, need, limit: servers(
            need, max([s for _, s, f in loads if f <= limit], default=300)
        ),
    ],
    "ch14.e5": [answering(say_all), answering(say_sorry), answering(say_unless_unreachable)],
    "ch17.e1": [look_silently, look_from_zero, look_and_say_nothing],
    "ch17.e2": [forget_unasked, forget_through_the_reducer, forget_whatever_is_said],
    "ch17.e3": [
        kept(lambda user: ("favourites",), lambda place: place["id"]),
        kept(lambda user: ("favourites", user), lambda place: str(uuid4())),
        kept(lambda user: ("favourites", "ann"), lambda place: place["id"]),
    ],
    "ch17.e4": [
        lambda events: {"runs": len(events), "tokens": len(events), "tools": []},
        lambda events: {"runs": 1, "tokens": 137, "tools": ["search_places"]},
    ],
    "ch17.e5": [
        lambda saver: (build_namu(checkpointer=saver), "something cheaper"),
        lambda saver: build_namu(checkpointer=saver),
        lambda saver: (build_namu(checkpointer=saver, tools=[unused]), "hello"),
    ],
    "ch05.e1": [
        streamed(),
        streamed(keep=lambda chunk, metadata: metadata["langgraph_node"] == "agent"),
        streamed(keep=lambda chunk, metadata: bool(chunk.text)),
        invoked,
        lambda graph, text, thread: invoked(graph, text, thread)[0],
        lambda graph, text, thread: list(invoked(graph, text, thread)[0]),
        lambda graph, text, thread: invoked(graph, text, thread).clear(),
    ],
    "ch05.e2": [
        by_tasks,
        lambda graph, text, thread: ["router", "agent", "tools", "agent", "update_state"],
        lambda graph, text, thread: [
            part["data"]
            for part in graph.stream({"messages": [("user", text)]}, thread, version="v2")
        ],
    ],
    "ch05.e3": [scan_silently, scan_late, scan_from_zero],
    "ch05.e4": [parse_letters, parse_what_is_whole, lambda pieces: []],
    "ch05.e5": [glimpse_all, glimpse_and_drain, glimpse_and_leave_open, glimpse_nothing],
    "ch06.e1": [
        lambda state: {"approved": True},
        lambda state: {"approved": interrupt("Shall I?")},
        lambda state: {"approved": bool(interrupt(f"{state['place']} {state['people']}")) or True},
    ],
    "ch06.e2": [asked_twice, written_always, lambda state, write: {"receipt": "receipt 1"}],
    "ch06.e3": [ask_once, ask_mutely, ask_loosely],
    "ch06.e4": [resume_by_order, resume_every],
    "ch06.e5": [
        turned(lambda call, changes: changes | {"to": "Ann"}),
        turned(lambda call, changes: {**call["args"], **changes}, go_on=False),
        turned(lambda call, changes: {**call["args"], **changes}, same_id=False),
        turned(lambda call, changes: call["args"]),
    ],
    "ch07.e1": [
        any_snapshot(lambda s, n: len(asked(s)) == n and s.next),
        any_snapshot(lambda s, n: not s.next),
        lambda graph, thread, n: thread,
        lambda graph, thread, n: n,
    ],
    "ch07.e2": [edit_at_the_end, edit_with_a_new_id, edit_and_forget],
    "ch07.e3": [
        take_back_only(1, as_node="echo"),
        take_back_only(2, as_node="__start__"),
        lambda graph, thread: graph.checkpointer.delete_thread("ann"),
    ],
    "ch07.e4": [
        newest_only,
        lambda graph, thread: [
            [m.text for m in s.values.get("messages", [])]
            for s in graph.get_state_history(thread)
            if not s.next
        ],
        lambda graph, thread: len(list(graph.get_state_history(thread))),
    ],
    "ch04.e1": [
        lambda tenant, user: str(uuid4()),
        lambda tenant, user: f"{tenant}/{user}",
        lambda tenant, user: str(uuid5(NAMESPACE_URL, tenant + user)),
        lambda tenant, user: str(uuid5(NAMESPACE_URL, f"{tenant}-{user}")),
        lambda tenant, user: str(uuid5(NAMESPACE_URL, f"{tenant}/{user}".lower())),
        lambda tenant, user: str(uuid5(NAMESPACE_URL, user)),
        lambda tenant, user: uuid5(NAMESPACE_URL, f"{tenant}/{user}"),
    ],
    "ch04.e2": [
        told_apart,
        lambda owners, user, thread_id: thread_id,
        lambda owners, user, thread_id: thread_id if owners.get(thread_id) == user else None,
    ],
    "ch04.e3": [
        titles(where="user = ?"),
        titles(order="active_at"),
        titles(pasted=True),
        lambda database, tenant, user: database.execute("SELECT title FROM threads"),
    ],
    "ch04.e4": [
        lambda saver, thread_id: "ann",
        owner_in_metadata,
        lambda saver, thread_id: next(saver.list(None)).metadata.get("user"),
    ],
    "ch01.e1": [
        letters("c", "b", "a"),
        letters("abc"),
        letters("abc", "", ""),
        letters("c", "c", "c"),
        letters("a", "b", "c", compiled=False),
    ],
    "ch01.e2": [
        lambda s: "search" if s["intent"] else "chat",
        lambda s: s["intent"],
        lambda s: {"REFINE_EXCLUDE": "refine_exclude"}.get(s["intent"], "search"),
        lambda s: {"REFINE_EXCLUDE": "refine_exclude", "FOLLOW_UP": "chat", None: "chat"}.get(
            s["intent"], "chat" if s["intent"] == "CONVERSATION" else "search"
        ),
    ],
    "ch01.e3": [
        lambda s: {**s, "max_price": 0},
        budget({"max_price": 0}, {"max_price": 1}, {"max_price": 3}),
        budget(0, 1, 3),
        lambda s: s.update(max_price=0),
    ],
    "ch01.e4": [
        assistant(conditional=False),
        assistant(intent=False),
        assistant(answer=""),
        assistant(roads=("a", "a")),
    ],
    "ch03.e1": [
        say_in_memory,
        say_to_one_thread,
        say_to_a_memory_of_its_own(),
        lambda url, thread, text: (text, text),
        lambda url, thread, text: [text],
    ],
    "ch03.e2": [
        steps(order="checkpoint_id DESC"),
        steps(where="1 = 1"),
        steps(pasted=True),
        lambda connection, thread_id: iter([]),
        steps(where="thread_id LIKE ?"),
        lambda connection, thread_id: [1] * 15,
    ],
    "ch03.e3": [
        undo(tables=["checkpoints"]),
        undo(comparison=">"),
        undo(thread="1 = 1"),
        lambda connection, thread_id: None or connection.total_changes,
        undo(commit=False),
        undo(pasted=True),
        undo(first_only=True),
    ],
    "ch03.e4": [
        lambda connection, key: SqliteSaver(connection),
        lambda connection, key: SqliteSaver(
            connection, serde=EncryptedSerializer.from_pycryptodome_aes(key=b"mine" * 8)
        ),
        lambda connection, key: EncryptedSerializer.from_pycryptodome_aes(key=key),
        lambda connection, key: SqliteSaver(connection, serde=JsonPlusSerializer()),
    ],
    "ch02.e1": [
        {**CHOICES, "tool_log": "union", "seen_ids": "operator.add"},
        {"last_query": "last value"},
        ["last value"],
    ],
    "ch02.e2": [
        lambda a, b: sorted({*a, *b}),
        operator.add,
        mutating_union,
        lambda a, b: {*a, *b},
        lambda a, b: print(end=""),
    ],
    "ch02.e3": [
        lambda a, b: [*a, *b][:3],
        lambda a, b: [*a, *b[-3:]],
        lambda a, b: b[-3:],
        lambda a, b: list(dict.fromkeys([*a, *b]))[-3:],
    ],
    "ch02.e4": [
        lambda messages: messages[:-1],
        lambda messages: [RemoveMessage(id=messages[-1].id)],
        lambda messages: [RemoveMessage(id=m.id) for m in messages if m.type == "human"],
        lambda messages: "gone",
        lambda messages: [m.id for m in messages],
        lambda messages: [RemoveMessage(id=m.id) for m in messages],
    ],
    "ch02.e5": [
        (lambda a, b: {**a, **b}, TalliedPoll),
        (tally, Poll),
        (mutating_tally, TalliedPoll),
        ({"park": 1}, TalliedPoll),
        tally,
    ],
}


def names():
    return [pytest.param(exercise, id=exercise.id) for exercise in EXERCISES]


def solved(exercise):
    """Run the solution's cell and hand back what it gave to check."""
    path = next((ROOT / "solutions").glob(f"{exercise.chapter}_*.ipynb"))
    caught = []

    scope = {}
    for source in code_of(path):
        patched = source
        for other in EXERCISES:
            patched = patched.replace(f"{other.id}.check(", f"caught('{other.id}', ")
        scope["caught"] = lambda name, answer: caught.append((name, answer))
        exec(patched, scope)
    return dict(caught)[exercise.id]


@pytest.mark.parametrize("exercise", names())
def test_the_solution_is_right(exercise):
    found = exercise.outcome(solved(exercise))
    assert found.status == "right", found.text


@pytest.mark.parametrize("exercise", names())
def test_plausible_wrong_answers_are_rejected_and_told_why(exercise):
    answers = WRONG[exercise.id]
    assert len(answers) >= 2
    for answer in answers:
        found = exercise.outcome(answer)
        assert found.status == "wrong", (exercise.id, found)
        assert found.text.startswith("Not yet: ")


@pytest.mark.parametrize("exercise", names())
def test_an_untouched_answer_is_not_attempted_rather_than_wrong(exercise):
    def untouched(state): ...

    async def untouched_async(state): ...

    for answer in (..., untouched, untouched_async):
        assert exercise.outcome(answer).status == "not attempted"


@pytest.mark.parametrize("exercise", names())
def test_a_result_in_place_of_the_function_is_told(exercise):
    if exercise.answer_kind == "value":
        pytest.skip("this one takes a value")
    for answer in (None, {"text": ""}, letters("a")()):
        found = exercise.outcome(answer)
        assert found.status == "wrong" and "without calling it" in found.text


@pytest.mark.parametrize("exercise", names())
def test_a_crash_names_the_error_and_the_learners_line(exercise, tmp_path):
    if exercise.id in ("ch02.e1",):
        pytest.skip("the answer is a value: there is no code of the learner's to crash")
    cell = tmp_path / "cell.py"
    given = "" if exercise.id in ("ch17.e1", "ch17.e2", "ch17.e3") else "*given"  # made tools
    cell.write_text(f"def answer({given}):\n    return 1 / 0  # mine\n")
    scope = {}
    exec(compile(cell.read_text(), str(cell), "exec"), scope)
    answer = (scope["answer"], TalliedPoll) if exercise.id == "ch02.e5" else scope["answer"]
    found = exercise.outcome(answer)
    assert found.status == "crashed"
    assert "ZeroDivisionError" in found.text
    assert "line 2 of your cell: return 1 / 0  # mine" in found.text
    assert str(tmp_path) not in found.text


def test_what_is_untouched_and_what_is_not():
    class Empty(TypedDict): ...

    class Extended(MessagesState): ...

    assert all(map(is_untouched, (Empty, Extended, (lambda x: None), (..., Empty))))
    assert not any(map(is_untouched, (Poll, Chat, (lambda x: x), 0, "", [], None, tally)))


def test_a_coroutine_is_told_apart_from_a_wrong_answer(recwarn):
    async def union(left, right):
        return list(dict.fromkeys([*left, *right]))

    found = ch02.e2.outcome(union)
    assert found.status == "wrong" and "not `async def`" in found.text
    assert not recwarn.list


def test_a_crash_inside_a_node_names_the_node():
    def build():
        builder = StateGraph(Text)
        builder.add_node("careless", lambda state: state["txt"])
        builder.add_edge(START, "careless")
        return builder.compile()

    found = ch01.e1.outcome(build)
    assert found.status == "crashed" and "KeyError" in found.text


def test_an_error_that_cannot_be_shown_and_an_exit_are_crashes_too():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    def raises(error):
        def answer(*given):
            raise error

        return answer

    assert "cannot be shown" in ch02.e2.outcome(raises(Mute())).text
    assert ch02.e2.outcome(raises(SystemExit(1))).status == "crashed"


def test_hints_come_one_by_one_and_begin_again(capsys):
    for n in (1, 2, 1):
        ch02.e3.hint()
        assert f"Hint {n} of 2" in capsys.readouterr().out


def test_the_solution_is_shown_only_when_asked_twice(capsys):
    exercise = ch02.e2
    exercise._asked = False
    exercise.solution()
    assert "fromkeys" not in capsys.readouterr().out
    exercise.solution()
    assert "fromkeys" in capsys.readouterr().out


def test_progress_keeps_what_is_right_and_survives_being_deleted():
    ch02.e2.check(operator.add)
    assert progress.load() == {"ch02.e2": "wrong"}
    ch02.e2.check(lambda a, b: list(dict.fromkeys([*a, *b])))
    ch02.e2.check(operator.add)
    assert progress.load() == {"ch02.e2": "right"}
    assert report()[1][:2] == ["02", "1 of 5"]
    assert progress.reset() and not progress.reset()
    assert progress.load() == {}


def test_progress_that_cannot_be_kept_is_said_and_the_check_still_answers(
    monkeypatch, tmp_path, capsys
):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("COURSE_HOME", str(blocked / "below"))
    ch02.e2.check(lambda a, b: list(dict.fromkeys([*a, *b])))
    shown = capsys.readouterr().out
    assert "Right." in shown and "COURSE_HOME" in shown


@pytest.mark.parametrize("broken", ["{", "[]", "null"])
def test_an_unreadable_progress_file_harms_nothing(broken):
    path = progress.progress_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(broken)
    assert progress.load() == {}
    assert progress.record("ch01.e1", "right") is None
    assert progress.load() == {"ch01.e1": "right"}


def committed(path):
    """A file as committed; a learner's own work in the folder is nobody's fault."""
    name = path.relative_to(ROOT).as_posix()
    found = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True)
    return found.stdout.decode("utf-8") if found.returncode == 0 else None


def test_exercises_are_what_the_solutions_generate():
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        made = notebook_text(exercise_of(json.loads(path.read_text(encoding="utf-8"))))
        target = ROOT / "exercises" / path.name
        stored = {target.read_text(encoding="utf-8"), committed(target)}
        assert made in stored, f"{path.name}: run `make exercises`"
    assert {p.name for p in (ROOT / "exercises").glob("*.ipynb")} == {
        p.name for p in (ROOT / "solutions").glob("*.ipynb")
    }


def test_exercises_hold_no_solution_and_no_output():
    for path in (ROOT / "solutions").glob("*.ipynb"):
        text = notebook_text(exercise_of(json.loads(path.read_text(encoding="utf-8"))))
        assert "SOLUTION" not in text and '"solution"' not in text
        cells = json.loads(text)["cells"]
        assert all(not cell.get("outputs") for cell in cells)


def test_generating_follows_the_solutions(tmp_path):
    source = next((ROOT / "solutions").glob("01_*.ipynb"))
    (tmp_path / "solutions").mkdir()
    copied = tmp_path / "solutions" / source.name
    copied.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    made = tmp_path / "exercises" / source.name
    assert generate(tmp_path) == ([made], [])
    assert generate(tmp_path) == ([], [])
    copied.unlink()
    assert generate(tmp_path) == ([made], [])
    assert not made.exists()


def test_generating_never_touches_what_a_learner_has_worked_in(tmp_path):
    source = next((ROOT / "solutions").glob("01_*.ipynb"))
    (tmp_path / "solutions").mkdir()
    shutil.copy(source, tmp_path / "solutions")
    generate(tmp_path)
    mine = tmp_path / "exercises" / source.name
    worked = json.loads(mine.read_text("utf-8"))
    worked["cells"][-2]["execution_count"] = 3
    mine.write_text(json.dumps(worked), encoding="utf-8")
    notes = tmp_path / "exercises" / "my_notes.ipynb"
    notes.write_text("{}")
    kept = mine.read_text("utf-8")
    assert generate(tmp_path) == ([], [mine])
    assert mine.read_text("utf-8") == kept and notes.exists()
    assert generate(tmp_path, force=True) == ([mine], [])


def test_a_marker_without_its_partner_is_refused():
    cell = {"cell_type": "code", "metadata": {}, "source": ["### BEGIN SOLUTION\n", "x = 1"]}
    with pytest.raises(ValueError, match="no partner"):
        exercise_of({"cells": [cell]})


def test_every_exercise_has_hints_and_a_solution_of_its_own():
    texts = [exercise.solution_text() for exercise in EXERCISES]
    assert len(set(texts)) == len(texts)
    for exercise, text in zip(EXERCISES, texts, strict=True):
        assert exercise.hints and all(hint.strip() for hint in exercise.hints)
        assert len(set(exercise.hints)) == len(exercise.hints)
        solution, _, checked = text.partition(f"{exercise.id}.check(")
        assert checked and "SOLUTION" not in text, exercise.id
        compile(solution, exercise.id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert len(solution.strip().splitlines()) >= 1, f"{exercise.id}: nothing is solved there"
