"""The whole chat panel in a real JupyterLab: by mouse, by keyboard, and with hostile words."""

import json
import re
from pathlib import Path

import pytest
from panel_cells import IMPORTS, PANEL

pytestmark = pytest.mark.browser

HOSTILE = [e["text"] for e in json.loads((Path(__file__).parents[1] / "hostile.json").read_text())]

OWN_GRAPH = """
{node}

graph = StateGraph(MessagesState)
graph.add_node("node", node)
graph.add_edge(START, "node")
graph.add_edge("node", END)
panel = ChatPanel(graph.compile(checkpointer=InMemorySaver(), name="own"))
panel.show()
"""
ON_FILE = """
held = ExitStack()
saver = held.enter_context(open_checkpointer("sqlite:///chat.db"))
store = held.enter_context(open_store("sqlite:///chat.db"))
ChatPanel(build_namu(checkpointer=saver), store=store).show()
"""
CONTRAST = """() => {
  const channel = (v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const numbers = (c) => {
    const found = c.match(/[\\d.]+/g).map(Number);
    const scale = c.startsWith('color(') ? 255 : 1;
    return [...found.slice(0, 3).map((v) => v * scale), found[3] ?? 1];
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (el) => {
    for (; el; el = el.parentElement) {
      const c = numbers(getComputedStyle(el).backgroundColor);
      if (c[3] > 0.9) return c;
    }
    return [255, 255, 255, 1];
  };
  const low = [];
  for (const el of document.querySelectorAll('.namu-panel *, .namu-beside *')) {
    const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !el.getClientRects().length || el.disabled) continue;
    const svg = el instanceof SVGElement;
    const front = numbers(getComputedStyle(el)[svg ? 'fill' : 'color']);
    const both = [light(front), light(behind(svg ? el.closest('svg') : el))];
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    const words = el.textContent.slice(0, 20);
    if (ratio < 4.5) low.push(`${el.className} "${words}" ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.fixture
def open_panel(open_notebook):
    def opened(*cells, speed="None"):
        cells = [IMPORTS, *(cells or [PANEL.format(speed=speed)])]
        notebook = open_notebook("panel.ipynb", cells)
        notebook.run_all()
        notebook.page.locator(".namu-box").wait_for()
        return notebook

    return opened


@pytest.fixture
def panel(kept_panel):
    """The same with an empty conversation, and the graph beside it."""
    page = kept_panel.page
    page.bring_to_front()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.mouse.move(0, 0)
    if not button(kept_panel, "New thread").is_visible():
        button(kept_panel, "Threads").click()  # a drawer beside a page of this width
    button(kept_panel, "New thread").click()
    page.locator(".namu-empty").wait_for()
    page.locator(".namu-box").fill("")
    kept_panel.page.locator(".namu-box").focus()  # closes the drawer
    button(kept_panel, "New thread").wait_for(state="hidden")
    button(kept_panel, "Graph").click()
    page.locator(".namu-graph").wait_for()
    page.get_by_label("speed").select_option("instant")
    kept_panel.errors.clear()
    return kept_panel


def write(notebook, text):
    notebook.page.locator(".namu-box").fill(text)
    notebook.page.locator(".namu-box").press("Enter")


def seen(notebook, text, within=".namu-panel .namu-log"):
    notebook.page.locator(within).get_by_text(text).first.wait_for()


def button(notebook, name):
    return notebook.page.get_by_role("button", name=name, exact=True)


def test_chat_approve_and_take_another_branch_without_a_word_of_help(panel):
    notebook, page = panel, panel.page
    notebook.ask("a quiet cafe in Jongno-gu")
    page.locator(".namu-steps").click()
    page.locator(".namu-step-tool button").click()
    assert '"district": "Jongno-gu"' in page.locator(".namu-step-tool .namu-detail").inner_text()
    write(notebook, "book the second one for 4 tomorrow")
    page.locator(".namu-approval").wait_for()
    page.locator(".namu-field input").fill("99")
    button(notebook, "Approve").click()
    seen(notebook, "99 is greater than the maximum of 8")
    notebook.shoot("panel_approval")
    page.locator(".namu-field input").fill("3")
    page.locator(".namu-field select").select_option("Friday")
    button(notebook, "Approve").click()
    seen(notebook, "3 people, Friday")
    notebook.idle()
    assert page.locator(".namu-decided").inner_text().startswith("\u2713")
    assert "Approved: Book" in page.locator(".namu-decided").inner_text()
    button(notebook, "Tree").click()
    page.locator(".namu-turn-line").first.wait_for()
    page.get_by_role("button", name="Edit and fork: this message").first.click()
    page.locator(".namu-edit").fill("a park in Songpa-gu")
    page.locator(".namu-edit").press("Enter")
    seen(notebook, "parks in Songpa-gu")
    notebook.idle()
    assert page.locator(".namu-you").count() == 1
    page.locator(".namu-turn-line", has_text="a park in Songpa-gu").wait_for()
    notebook.shoot("panel_fork")
    page.locator(".namu-turn-line", has_text="book the second one").first.click()
    button(notebook, "Back to the newest").wait_for()
    assert "Songpa-gu" not in page.locator(".namu-log").inner_text()
    button(notebook, "Back to the newest").click()
    seen(notebook, "parks in Songpa-gu")
    page.get_by_role("button", name="Try again: the same question").click()
    page.wait_for_function("document.querySelectorAll('.namu-turn-branch').length === 2")
    page.locator(".namu-version").get_by_text("3 / 3").wait_for()
    button(notebook, "The version before").click()
    page.locator(".namu-version").get_by_text("2 / 3").wait_for()
    seen(notebook, "This is an earlier checkpoint")
    button(notebook, "State").click()
    seen(notebook, "last_recommended_places", ".namu-fields")
    assert notebook.errors == []


def test_a_question_is_answered_in_the_box_or_left_and_what_became_of_it_stays(panel):
    notebook, page = panel, panel.page
    notebook.ask("a quiet cafe in Jongno-gu")
    write(notebook, "book the first one for 3 on Saturday")
    page.locator(".namu-approval").wait_for()
    page.locator(".namu-field input").fill("5")
    write(notebook, "Yes!")
    seen(notebook, "5 people, Saturday")  # what is filled in on the card counts
    notebook.idle()
    write(notebook, "book the second one for 2 tomorrow")
    page.locator(".namu-approval").wait_for()
    page.locator(".namu-field input").press("Enter")  # leads to the buttons and approves nothing
    assert page.evaluate("document.activeElement.textContent") == "Approve"
    page.keyboard.press("Enter")
    page.locator(".namu-approval").wait_for(state="detached")
    notebook.idle()
    write(notebook, "세 번째 예약해줘")
    page.locator(".namu-approval").wait_for()
    assert button(notebook, "\uc2b9\uc778").count() == 1
    write(notebook, "a park in Mapo")
    seen(notebook, "답하지 않고 넘어갔어요.")  # in the language of its turn
    decided = page.locator(".namu-decided").all_inner_texts()
    assert [text.split("\n")[-1].split(":")[0] for text in decided] == [
        "Approved",
        "Approved",
        "답하지 않고 넘어갔어요.",
    ]
    assert notebook.errors == []


def test_what_is_half_written_survives_and_a_double_click_is_one_message(panel):
    notebook, page = panel, panel.page
    box = page.locator(".namu-box")
    box.fill("a quiet cafe in Jongno-gu")
    page.locator(".namu-send").dblclick()
    notebook.idle()
    write(notebook, "book the first one for 3 on Saturday")
    page.keyboard.press("Enter")  # a second press of the same hand
    page.locator(".namu-approval").wait_for()
    assert page.locator(".namu-log .namu-you").count() == 2
    assert page.locator(".namu-note").count() == 0  # nothing was stopped

    page.locator(".namu-field input").fill("7")
    page.locator(".namu-you").first.get_by_role("button", name="Edit").click()
    page.locator(".namu-edit").fill("a quiet cafe in Mapo, with")
    button(notebook, "Threads").click()
    button(notebook, "New thread").click()
    page.locator(".namu-empty").wait_for()
    assert box.input_value() == "a quiet cafe in Mapo, with"  # the editor's text is given back
    box.fill("")
    if not page.locator(".namu-thread-main").first.is_visible():
        button(notebook, "Threads").click()
    page.locator(".namu-thread-main").nth(1).click()
    page.locator(".namu-approval").wait_for()
    assert page.locator(".namu-field input").input_value() == "7"

    page.keyboard.press("Escape")
    button(notebook, "Approve").focus()
    page.keyboard.press("Enter")
    page.locator(".namu-approval").wait_for(state="detached")
    notebook.idle()
    page.wait_for_function("document.activeElement.matches('.namu-box')")
    again = page.get_by_role("button", name="Try again: the same question").last
    again.focus()
    page.keyboard.press("Enter")
    page.locator(".namu-approval").wait_for()
    assert page.evaluate("document.activeElement !== document.body")
    assert notebook.errors == []


@pytest.mark.soak
def test_a_word_of_300_000_letters_does_not_hold_up_the_page(open_panel):
    node = """
def node(state):
    return {"messages": [AIMessage("A" * 300_000)]}
"""
    notebook = open_panel(OWN_GRAPH.format(node=node))
    write(notebook, "hello")
    answer = notebook.page.locator(".namu-answer .namu-text")
    answer.wait_for(timeout=15_000)
    assert answer.evaluate("(el) => getComputedStyle(el).fontKerning") == "none"
    assert answer.evaluate("(el) => el.textContent.length") == 300_000


@pytest.mark.soak
def test_an_answer_that_a_node_stores_is_said_by_you_and_has_no_edit(open_panel):
    node = """
from langchain_core.messages import HumanMessage

def node(state):
    said = [HumanMessage(interrupt(q)) for q in ("Which city?", "Which district?")]
    return {"messages": [*said, AIMessage("A walk in " + ", ".join(m.text for m in said))]}
"""
    notebook = open_panel(OWN_GRAPH.format(node=node))
    write(notebook, "hello")
    for question, answer in (("Which city?", "Seoul"), ("Which district?", "Mapo")):
        seen(notebook, question)
        field = notebook.page.locator(".namu-approval").get_by_role("textbox")
        field.fill(answer)
        field.press("Enter")  # sends the words, and not the first button's yes
    seen(notebook, "A walk in Seoul, Mapo")
    notebook.idle()
    said = notebook.page.locator(".namu-log .namu-you")
    assert [text.split("\n")[:2] for text in said.all_inner_texts()] == [
        ["You", "hello"],
        ["You", "Seoul"],
        ["You", "Mapo"],
    ]
    edits = [said.nth(n).get_by_role("button", name="Edit").count() for n in range(3)]
    assert edits == [1, 0, 0]
    assert notebook.errors == []


def test_the_speed_can_be_chosen_and_the_last_message_edited_with_a_key(panel):
    notebook, page = panel, panel.page
    page.get_by_label("speed").select_option("step by step")
    write(notebook, "a museum in Yongsan")
    page.locator(".namu-steps", has_text="running: router").wait_for()
    assert button(notebook, "Stop the answer").count() == 1
    page.locator(".namu-box").fill("and then")
    assert button(notebook, "Send").count() == 1  # what is written can be sent while it runs
    page.locator(".namu-box").fill("")
    page.get_by_label("speed").select_option("instant")
    page.locator(".namu-answer li").first.wait_for()
    notebook.idle()
    page.locator(".namu-box").press("ArrowUp")
    assert page.locator(".namu-edit").input_value() == "a museum in Yongsan"
    for lines, high in ((1, 60), (4, 120), (30, 170)):
        page.locator(".namu-box").fill("\n".join(["x"] * lines))
        assert page.locator(".namu-box").bounding_box()["height"] < high
    assert notebook.errors == []


WATCH_ANSWER = """() => {
  window.written = [];
  new MutationObserver(() => {
    const answer = document.querySelector('.namu-answer .namu-text');
    if (answer) window.written.push(answer.textContent);
  }).observe(document.querySelector('.namu-log'), {
    childList: true, characterData: true, subtree: true,
  });
}"""


def letters(text):
    """A text without the signs that Markdown takes away: spaces, numbers, punctuation."""
    return "".join(letter for letter in text if letter.isalpha())


def test_the_answer_streams_the_running_node_is_lit_and_stop_stops(open_panel):
    notebook = open_panel(speed=40)
    page = notebook.page
    page.evaluate(WATCH_ANSWER)
    write(notebook, "a museum in Yongsan")
    page.locator(".namu-answer").wait_for()
    lit = page.locator(".namu-graph-node[data-state=running]")
    assert lit.text_content().startswith("agent")
    first = len(page.locator(".namu-answer").inner_text())
    page.wait_for_timeout(400)
    assert len(page.locator(".namu-answer").inner_text()) > first
    notebook.shoot("panel_streaming")
    write(notebook, "and after that")
    page.locator(".namu-waiting").wait_for()
    page.locator(".namu-box").press("Escape")
    page.locator(".namu-offer").wait_for()
    assert "not stored" in page.locator(".namu-answer .namu-note").inner_text()
    written = [letters(text) for text in page.evaluate("window.written")]
    whole = letters(page.locator(".namu-answer .namu-text").inner_text())
    assert len(set(written)) > 5 and len(whole) > 100
    assert [text for text in written if not whole.startswith(text)] == []
    page.wait_for_function(
        "document.querySelector('.namu-box').value === 'and after that'", timeout=5000
    )
    assert page.locator(".namu-waiting").count() == 0
    notebook.shoot("panel_stopped")
    page.get_by_label("speed").select_option("instant")
    button(notebook, "Continue").click()
    seen(notebook, 'Ask about "the first one"')
    assert notebook.errors == []


def test_threads_keep_their_conversations(panel):
    notebook, page = panel, panel.page
    notebook.ask("a park in Mapo")
    button(notebook, "Threads").click()
    button(notebook, "New thread").click()
    page.locator(".namu-empty").wait_for()
    assert "not recommended" in notebook.ask("the second one please")
    assert "parks in Mapo-gu" not in page.locator(".namu-log").inner_text()
    assert button(notebook, "New thread").is_hidden()  # the drawer made room for the conversation
    button(notebook, "Threads").click()
    page.keyboard.press("Escape")
    assert button(notebook, "New thread").is_hidden()
    assert page.evaluate("document.activeElement.textContent") == "Threads"
    page.keyboard.press("Enter")
    page.locator(".namu-thread-main", has_text="a park in Mapo").first.click()
    seen(notebook, "parks in Mapo-gu")
    page.locator(".namu-box").focus()
    assert notebook.errors == []


@pytest.mark.soak
def test_a_saved_notebook_opened_without_its_kernel_reads_as_a_conversation(open_panel):
    notebook = open_panel(PANEL.format(speed="None"))
    page = notebook.page
    answer = notebook.ask("a cafe in Mapo")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.reload()
    page.locator(".namu-lost").wait_for(timeout=60_000)
    assert "Run the notebook again" in page.locator(".namu-lost").inner_text()
    assert page.locator(".namu-answer .namu-text").inner_text() == answer
    assert "model not found" not in page.locator(".jp-Notebook").inner_text()
    icon = "(box) => getComputedStyle(box, '::before').content"
    cut_off = page.locator(".jupyter-widgets-disconnected").all()
    assert cut_off and all(box.evaluate(icon) == "none" for box in cut_off)


@pytest.mark.soak
def test_after_a_kernel_restart_the_panel_says_so_and_the_history_is_there_again(open_panel):
    notebook = open_panel(ON_FILE)
    page = notebook.page
    notebook.ask("a museum in Yongsan")
    page.locator(".namu-box").fill("half a sentence")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.locator(".namu-lost:not([hidden])").wait_for()
    assert "they are in your list" in page.locator(".namu-lost").inner_text()
    assert page.locator(".namu-box").is_disabled()
    assert page.locator(".namu-whole > [inert]").count() == 2  # the threads, and what is beside
    notebook.shoot("panel_lost")
    notebook.run_all()
    page.locator(".namu-box:not([disabled])").wait_for()
    seen(notebook, "museums in Yongsan-gu")
    (title,) = page.locator(".namu-thread-title").all_inner_texts()
    assert title.split() == ["a", "museum", "in", "Yongsan"]


@pytest.mark.soak
def test_without_a_kernel_enter_says_so_and_keeps_what_was_written(open_panel):
    notebook = open_panel()
    page = notebook.page
    notebook.ask("a museum in Yongsan")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.locator(".jp-Notebook-ExecutionIndicator, .jp-Toolbar").first.wait_for()
    page.wait_for_timeout(1000)
    write(notebook, "are you there")
    page.locator(".namu-lost:not([hidden])").wait_for()
    assert "No kernel" in page.locator(".namu-lost").inner_text()
    assert page.locator(".namu-box").input_value() == "are you there"


@pytest.mark.soak
def test_a_reloaded_page_shows_the_conversation_again(open_panel):
    notebook = open_panel()
    page = notebook.page
    notebook.ask("a museum in Yongsan")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(500)
    page.reload()
    page.locator(".namu-box").wait_for(timeout=60_000)
    seen(notebook, "museums in Yongsan-gu")
    assert "Yongsan-gu" in notebook.ask("tell me about the first one")


def test_enter_sends_shift_enter_breaks_and_a_composition_does_neither(panel):
    notebook, page = panel, panel.page
    box = page.locator(".namu-box")
    box.focus()
    box.press_sequentially("hello")
    box.press("Shift+Enter")
    box.press_sequentially("there")
    assert box.input_value() == "hello\nthere"
    for composing in ("isComposing: true", "keyCode: 229"):
        box.evaluate(
            "(el) => el.dispatchEvent(new KeyboardEvent('keydown', "
            f"{{ key: 'Enter', bubbles: true, cancelable: true, {composing} }}))"
        )
    assert page.locator(".namu-you").count() == 0
    # A real composition, as a Korean input method makes it: the letters arrive whole.
    session = page.context.new_cdp_session(page)
    box.fill("")
    box.focus()
    for syllable in ("ㅈ", "조", "종"):
        session.send(
            "Input.imeSetComposition",
            {"text": syllable, "selectionStart": 1, "selectionEnd": 1},
        )
    session.send("Input.insertText", {"text": "종로 카페"})
    box.press("Enter")
    page.locator(".namu-answer").wait_for()
    assert page.locator(".namu-you .namu-text").inner_text() == "종로 카페"
    assert notebook.errors == []


def test_everything_can_be_reached_and_pressed_by_keyboard(panel):
    notebook, page = panel, panel.page
    write(notebook, "a museum in Yongsan")
    page.get_by_role("button", name="Try again").wait_for(state="attached")
    notebook.idle()
    page.locator(".namu-pace select").focus()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className"))
    # One stop for the whole turn; the arrow keys lead from it to everything in the turn.
    assert sum(any(stop in name for stop in ("action", "steps")) for name in reached) == 1
    for wanted in (
        "namu-log",
        "namu-action",
        "namu-box",
        "namu-send",
        "toggle-button",
    ):
        assert any(wanted in name for name in reached), (wanted, reached)
    page.locator(".namu-you .namu-copy").focus()
    reached = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        reached.append(page.evaluate("document.activeElement.textContent"))
    assert reached[0] == "Edit" and "step" in reached[1]
    assert reached[2:] == ["Copy", "Try again"]
    page.locator(".namu-edit-it").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className") == "namu-edit"
    page.keyboard.press("Escape")
    assert "namu-action" in page.evaluate("document.activeElement.className")
    assert page.locator(".namu-edit").count() == 0


def test_roles_and_names_are_there_for_a_screen_reader(panel):
    notebook, page = panel, panel.page
    answer = notebook.ask("a museum in Yongsan")
    assert page.get_by_role("log", name="Conversation").count() == 1
    assert page.get_by_role("textbox", name="Your message").count() == 1
    live = page.locator("[aria-live=polite][role=status]")
    assert set(answer.split()) <= set(live.inner_text().split())
    assert page.get_by_role("group", name="The graph.").count() == 1
    write(notebook, "book the first one")
    page.locator(".namu-approval").wait_for()
    assert page.get_by_role("textbox", name="People (1 to 8)").count() == 1
    assert page.get_by_role("combobox", name="Day").count() == 1
    assert live.inner_text().startswith("The graph asks")


def test_contrast_is_aa_in_both_themes(panel):
    notebook, page = panel, panel.page
    notebook.ask("a museum in Yongsan")
    page.locator(".namu-steps").first.click()
    page.locator(".namu-step button").first.click()
    write(notebook, "book the first one for 4")
    page.locator(".namu-approval").wait_for()
    page.locator(".namu-field input").fill("99")
    button(notebook, "Approve").click()
    page.locator(".namu-error:not(:empty)").first.wait_for()
    for theme in notebook.in_both_themes():
        assert page.evaluate(CONTRAST) == [], theme
        notebook.shoot(f"panel_whole_{theme}")
    assert notebook.errors == []


def test_narrow_and_wide(panel):
    notebook, page = panel, panel.page
    page.set_viewport_size({"width": 1500, "height": 900})
    notebook.ask("a museum in Yongsan")

    def left(selector):
        return page.locator(selector).bounding_box()

    assert left(".namu-graph")["x"] > left(".namu-panel")["x"] + left(".namu-panel")["width"] - 1
    notebook.shoot("panel_wide")
    page.set_viewport_size({"width": 900, "height": 800})
    page.wait_for_timeout(500)
    assert not page.locator(".namu-graph").is_visible()  # a drawer now, and so are the threads
    button(notebook, "Inside").click()
    assert page.locator(".namu-graph").is_visible()
    button(notebook, "Inside").click()
    button(notebook, "Threads").click()
    button(notebook, "New thread").wait_for()
    button(notebook, "Threads").click()
    outer = left(".jp-OutputArea-output .namu-whole")
    assert left(".namu-panel")["width"] <= outer["width"]
    page.locator(".namu-panel").scroll_into_view_if_needed()
    notebook.shoot("panel_narrow")


LONG = """
from langchain_core.language_models import GenericFakeChatModel

model = GenericFakeChatModel(messages=iter([AIMessage("word and more " * 667)] * 3))

async def node(state):
    return {"messages": [await model.ainvoke("write")]}
"""


@pytest.mark.soak
def test_a_question_stands_at_the_top_while_it_is_answered_and_one_press_leads_on(open_panel):
    notebook = open_panel(OWN_GRAPH.format(node=LONG))
    page = notebook.page
    log = page.locator(".namu-log")
    for n in range(2):
        answer = notebook.ask("write 2,000 words")
        assert len(answer.split()) == 2001
        top = log.bounding_box()["y"]
        assert top - 1 <= page.locator(".namu-you").nth(n).bounding_box()["y"] < top + 20
    page.locator(".namu-jump:not([hidden])").click()
    page.wait_for_timeout(200)
    assert log.evaluate("(el) => el.scrollHeight - el.scrollTop - el.clientHeight") < 40
    assert notebook.errors == []


MARKDOWN = """# A heading

A paragraph of *several* words, with a **bold** one and `code` in it,
whose second line belongs to it.

1. first of a list
   with more of it
2. second of the list

   - an inner point
   - one more

> a quotation
> of two lines

| place | price |
|---|---|
| Dawon | low |
| Tteuran | free |

```
def greet(name):
    return name
```

나무는 서울을 안내해요. 두 줄로 써요.
둘째 줄이에요.

The end, without a line behind it"""
SLOW_TEXT = """
import asyncio
from langchain_core.language_models import GenericFakeChatModel

class SlowModel(GenericFakeChatModel):
    async def _astream(self, *given, **named):
        for piece in GenericFakeChatModel._stream(self, *given, **named):
            await asyncio.sleep({seconds})
            yield piece

model = SlowModel(messages=iter([AIMessage({text!r})] * 3))

async def node(state):
    return {{"messages": [await model.ainvoke("write")]}}
"""


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [0.02, 0.15], ids=["in batches", "piece by piece"])
def test_any_markdown_is_written_once_while_it_streams(open_panel, seconds):
    node = SLOW_TEXT.format(text=MARKDOWN, seconds=seconds)
    notebook = open_panel(OWN_GRAPH.format(node=node))
    page = notebook.page
    page.evaluate(WATCH_ANSWER)
    page.set_default_timeout(120_000)
    notebook.ask("write")
    page.set_default_timeout(30_000)
    written = [letters(text) for text in page.evaluate("window.written")]
    whole = letters(page.locator(".namu-answer .namu-text").inner_text())
    assert len(set(written)) > 10 and whole.endswith("withoutalinebehindit")
    assert [text for text in written if not whole.startswith(text)] == []
    assert notebook.errors == []


HOSTILE_GRAPH = """
import json
import re
from pathlib import Path

texts = json.loads({corpus!r})
groups = [texts[n : n + {size}] for n in range(0, len(texts), {size})]
turn = iter(range(10_000))

def node(state):
    group = groups[next(turn) % len(groups)]
    asked = {{"question": group[0], "note": group[-1]}}
    for text in group:
        asked |= {{text[:200]: text}}
    fields = {{
        f"x{{n}}": {{"type": "string", "description": text, "title": text}}
        for n, text in enumerate(group)
    }}
    schema = {{"type": "object", "title": group[0], "properties": fields}}
    answer = interrupt(asked, response_schema=schema)
    said = []
    for text in group:
        call_id = str(len(state["messages"]) + len(said))
        call = {{"name": "t" + text[:60], "args": {{"a": text, text[:200]: 1}}, "id": call_id}}
        said += [
            AIMessage(text, tool_calls=[call]),
            ToolMessage(text, tool_call_id=call_id, name="t" + text[:60]),
            AIMessage(text, response_metadata={{"model_name": text}}),
        ]
    return {{"messages": said}}
"""
TEXTS_PER_TURN = 12
"""Each text has messages of its own; a turn for each of them would take minutes."""
SAY_ALL = """
async def say_all():
    await panel.load()
    for group in groups:
        await panel.send("\\n\\n".join(group))
        card = panel.transcript.entries[-1]
        answer = {f"x{n}": text for n, text in enumerate(group)}
        await panel.controller.resume({card["id"]: answer})
    await panel.send(texts[0])

await say_all()
"""


def test_no_hostile_text_runs_or_loads_anything_wherever_it_appears(open_panel):
    graph = HOSTILE_GRAPH.format(corpus=json.dumps(HOSTILE), size=TEXTS_PER_TURN)
    cells = [OWN_GRAPH.format(node=graph), SAY_ALL]
    notebook = open_panel(*cells)
    page = notebook.page
    turns = -(-len(HOSTILE) // TEXTS_PER_TURN)
    page.wait_for_function(
        f"document.querySelectorAll('.namu-you').length === {turns + 1}", timeout=60_000
    )
    assert page.locator(".namu-answer").count() >= turns
    page.evaluate(
        "document.querySelectorAll('.namu-steps, .namu-step-name').forEach((b) => b.click())"
    )
    page.get_by_role("button", name="Edit and fork: this message").last.click()
    for side in ("Tree", "State", "Graph"):
        button(notebook, side).click()
        page.wait_for_timeout(400)
    page.locator(".namu-log a").first.dispatch_event("mouseover")
    page.evaluate(
        "document.querySelectorAll('.namu-panel *').forEach((el) => "
        "['mouseover', 'focus', 'error', 'load', 'toggle', 'animationstart']"
        ".forEach((name) => el.dispatchEvent(new Event(name))))"
    )
    page.wait_for_timeout(1000)
    assert page.evaluate("window.fired") is None
    inside = ".namu-log img, .namu-log script, .namu-log iframe, .namu-log style, .namu-log svg"
    assert page.locator(inside).count() == 0
    links = page.locator(".namu-log a")
    assert links.count() > 5
    assert set(links.evaluate_all("(all) => all.map((a) => a.target + ' ' + a.rel)")) == {
        "_blank noopener noreferrer"
    }
    notebook.shoot("panel_hostile")
    told = [line for line in notebook.errors if "hostile" in line or "Uncaught" in line]
    assert told == []


@pytest.mark.soak
def test_faults_of_a_graph_are_cards_and_no_traceback(open_panel):
    node = "def node(state):\n    raise RuntimeError('<b>out of order</b>')\n"
    notebook = open_panel(OWN_GRAPH.format(node=node))
    page = notebook.page
    write(notebook, "hello")
    page.locator(".namu-problem").wait_for()
    assert "<b>out of order</b>" in page.locator(".namu-problem").inner_text()
    button(notebook, "Try again").click()
    page.wait_for_timeout(1000)
    notebook.idle()
    assert page.locator(".namu-problem").count() == 1  # the same problem is shown once
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    write(notebook, "x" * 100_000)
    seen(notebook, "Show all 100,000 characters")
    notebook.shoot("panel_faults")
    assert notebook.errors == []


@pytest.mark.soak
def test_the_capstone_shows_every_part_and_switches_the_model(open_notebook):
    notebook = open_notebook("20_put_it_all_in_one_chat.ipynb")
    notebook.run_all()
    page = notebook.page
    page.locator(".namu-panel").scroll_into_view_if_needed()
    guide = "How do I get to the city from the airport by train?"
    for text in ("a cafe in Mapo", "plan a route", "I live in Mapo-gu", guide):
        before = page.locator(".namu-answer").count()
        button(notebook, text).click()
        page.locator(".namu-answer").nth(before).wait_for()
        notebook.idle()
    assert page.locator(".namu-gauge progress").evaluate("(el) => el.value") == 1
    seen(notebook, "en.m.wikipedia.org/wiki/AREX")
    shown = page.locator(".namu-steps").last.inner_text()
    assert re.search(r"\d+ steps · 1 tool · \d+\.\d s · [\d,]+ tokens$", shown), shown
    button(notebook, "Memory").click()
    seen(notebook, "Mapo-gu", ".namu-memory")
    page.locator(".widget-dropdown select").select_option("namu-offline-brief")
    assert notebook.ask("a museum in Yongsan") == "Here are three museums in Yongsan-gu:"
    assert page.locator(".namu-model").inner_text() == "model: namu-offline-brief"
    notebook.shoot("capstone")
    assert notebook.errors == []


@pytest.mark.soak
def test_the_card_made_by_hand_in_chapter_07_resumes_the_graph(open_notebook):
    notebook = open_notebook("07_ask_a_human.ipynb")
    notebook.run_all()
    notebook.page.locator(".jupyter-button", has_text="Approve").first.click()
    seen(notebook, "approved: True, people: 4", ".widget-label")
    assert notebook.errors == []
