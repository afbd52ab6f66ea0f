"""What stands beside the chat, in a real JupyterLab: graph, turns, state, memory and threads."""

import json

import pytest
from panel_cells import IMPORTS, PANEL
from test_chat_panel import CONTRAST, HOSTILE

pytestmark = pytest.mark.browser

MANY_NODES = """
def make(name):
    return lambda state: {"messages": [AIMessage(f"{name} was here")]}

graph = StateGraph(MessagesState)
workers = [f"worker_{n}" for n in range(1, 13)]
chain = ["supervisor", "collect_everything_found", "rank", "writer", "critic", "fact_check"]
chain += ["translate", "shorten", "publish", "log", "thank"]
for name in [*chain, *workers]:
    graph.add_node(name, make(name))
graph.add_edge(START, "supervisor")
turn = iter([*workers[:3], chain[1]] * 50)
graph.add_conditional_edges("supervisor", lambda state: next(turn), [*workers, chain[1]])
for worker in workers:
    graph.add_edge(worker, "supervisor")
for one, other in zip(chain[1:], chain[2:]):
    graph.add_edge(one, other)
graph.add_edge("thank", END)
panel = ChatPanel(graph.compile(checkpointer=InMemorySaver(), name="many"))
panel.show()
"""
LETTERS = """() => [...document.querySelectorAll('.namu-graph text')].map(
  (text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a
)"""

SCROLLED = """(column) => [...document.querySelectorAll(`${column}, ${column} *`)].filter(
  (box) => box.scrollHeight > box.clientHeight + 1 && getComputedStyle(box).overflowY === 'auto'
).length"""
IN_BOX = "() => document.activeElement.matches('.namu-box')"


@pytest.fixture
def open_panel(open_notebook):
    def opened(*cells):
        cells = [IMPORTS, *(cells or [PANEL.format(speed="None")])]
        notebook = open_notebook("beside.ipynb", cells)
        notebook.page.set_viewport_size({"width": 1700, "height": 900})  # all three columns
        notebook.run_all()
        notebook.page.locator(".namu-box").wait_for()
        return notebook

    return opened


@pytest.fixture
def panel(kept_panel):
    """The same with an empty conversation, in a page with all three columns."""
    page = kept_panel.page
    page.bring_to_front()
    page.set_viewport_size({"width": 1700, "height": 900})
    page.mouse.move(0, 0)
    press(kept_panel, "New thread")
    page.locator(".namu-empty").wait_for()
    press(kept_panel, "Graph")
    page.locator(".namu-graph").wait_for()
    kept_panel.errors.clear()
    return kept_panel


def press(notebook, name):
    notebook.page.get_by_role("button", name=name, exact=True).click()


def height(notebook, selector):
    return notebook.page.locator(selector).bounding_box()["height"]


def assert_contrast(notebook, shot=None):
    """Every text is legible in both themes; with a name, a picture of each is kept."""
    for theme in notebook.in_both_themes():
        assert notebook.page.evaluate(CONTRAST) == [], theme
        if shot:
            notebook.shoot(f"{shot}_{theme}")


def focused(notebook):
    return notebook.page.evaluate("document.activeElement.textContent")


@pytest.mark.soak
def test_state_tree_and_graph_stay_within_the_panel_after_20_turns(open_panel):
    say_all = """
async def say_all():
    await panel.load()
    for n in range(20):
        await panel.send(["a cafe in Mapo", "not the second one", "something cheaper"][n % 3])

await say_all()
"""
    notebook = open_panel(PANEL.format(speed="None"), say_all)
    page = notebook.page
    page.wait_for_function("document.querySelectorAll('.namu-you').length === 20", timeout=60_000)
    notebook.idle()
    panel = height(notebook, ".namu-panel")
    assert_contrast(notebook)
    assert height(notebook, ".namu-beside[aria-label=Graph]") <= panel
    press(notebook, "State")
    page.locator(".namu-fields tr").first.wait_for()
    assert page.get_by_role("rowheader", name="messages").count() == 1
    for theme in notebook.in_both_themes():
        notebook.shoot(f"beside_state_{theme}")
    page.get_by_role("checkbox", name="all").check()
    page.get_by_text("All fields").wait_for()
    assert page.locator(".namu-fields tr").count() > 60
    assert height(notebook, ".namu-beside[aria-label=State]") <= panel
    assert_contrast(notebook)
    press(notebook, "Tree")
    page.locator(".namu-turn-line").nth(15).wait_for()
    for _ in range(3):
        page.locator(".namu-turn-twist").first.click()
    assert height(notebook, ".namu-turns") <= panel
    assert "loop" not in page.locator(".namu-turns").inner_text()
    assert_contrast(notebook, "beside_tree")
    press(notebook, "Memory")
    page.get_by_text("Nothing is remembered yet").wait_for()
    assert notebook.errors == []


def test_the_turns_are_an_outline_for_the_keyboard(panel):
    notebook, page = panel, panel.page
    notebook.ask("a cafe in Mapo")
    notebook.ask("not the second one")
    press(notebook, "Tree")
    rows = page.get_by_role("treeitem")
    rows.nth(1).wait_for()
    assert rows.nth(1).get_attribute("aria-current") == "true"
    rows.nth(1).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert rows.nth(0).get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(notebook).startswith("the message is in")
    page.keyboard.press("Enter")
    page.get_by_text("This is an earlier checkpoint").wait_for()
    page.locator(".namu-turn-step[aria-current]").wait_for()
    assert focused(notebook).startswith("the message is in"), "the focus stays where it was"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert rows.count() == 2
    page.keyboard.press("End")
    page.keyboard.press(" ")
    page.locator(".namu-answer").nth(1).wait_for()
    assert page.locator(".namu-turns [tabindex='0']").count() == 1
    assert notebook.errors == []


def test_the_captions_of_the_graph_take_one_line_each(panel):
    notebook, page = panel, panel.page
    page.set_viewport_size({"width": 1280, "height": 800})
    graph = page.locator(".namu-beside[aria-label=Graph]")
    captions = graph.locator(".namu-beside-heading")
    lines = [caption.bounding_box()["height"] for caption in captions.all()]
    notebook.ask("a cafe in Mapo")
    lines += [caption.bounding_box()["height"] for caption in captions.all()]
    notebook.shoot("beside_captions", ".namu-panel")
    assert len(lines) == 4 and max(lines) < 24, lines


NOT_IN_VIEW = """() => {
  const place = document.querySelector('.namu-beside[aria-label=Graph] .namu-scroll');
  const { top, bottom } = place.getBoundingClientRect();
  return [...place.querySelectorAll('.namu-graph-node rect')]
    .map((box) => box.getBoundingClientRect())
    .filter((box) => box.top < top - 1 || box.bottom > bottom + 1).length;
}"""


def test_the_whole_graph_is_in_view_where_letters_of_11_px_leave_it_room(panel):
    notebook, page = panel, panel.page
    notebook.ask("a cafe in Mapo")
    for width, height in ((1700, 900), (1280, 800), (900, 800)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        if not page.locator(".namu-graph").is_visible():  # in a narrow window it is a drawer
            press(notebook, "Inside")
        page.locator(".namu-graph").wait_for()
        page.wait_for_timeout(300)  # the drawing fits itself into its place
        notebook.shoot(f"beside_graph_{width}", ".namu-whole")
        assert page.evaluate(NOT_IN_VIEW) == 0, (width, height)


def test_the_way_of_a_run_is_numbered_and_a_node_tells_what_it_wrote(panel):
    notebook, page = panel, panel.page
    notebook.ask("a cafe in Mapo")
    numbers = page.locator(".namu-graph-numbers text")
    assert sorted(text[0] for text in numbers.all_text_contents()) == list("123456")
    router = page.get_by_role("button", name="router, done")
    router.click()
    page.get_by_role("rowheader", name="intent").wait_for()
    assert router.get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".namu-graph-detail", has_text="agent").wait_for()
    page.get_by_role("rowheader", name="messages").wait_for()
    wide = page.locator(".namu-graph").bounding_box()["width"]
    press(notebook, "Larger")
    larger = page.locator(".namu-graph").bounding_box()["width"]
    assert larger > wide * 1.1
    page.locator(".namu-graph").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, 300)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    assert page.locator(".namu-graph").bounding_box()["width"] < larger
    press(notebook, "Fit the graph into its place")
    assert page.locator(".namu-graph").bounding_box()["width"] == pytest.approx(wide, abs=1)
    assert page.locator(".namu-graph [tabindex='0']").count() == 1
    assert notebook.errors == []


@pytest.mark.soak
def test_25_nodes_can_be_read(open_panel):
    notebook = open_panel(MANY_NODES)
    page = notebook.page
    notebook.ask("go")
    page.get_by_role("button", name="thank, done").wait_for()
    assert page.locator(".namu-graph-node").count() == 25
    assert min(page.evaluate(LETTERS)) >= 10.99
    for _ in range(9):
        press(notebook, "Smaller")
    assert min(page.evaluate(LETTERS)) >= 10.99
    assert height(notebook, ".namu-beside[aria-label=Graph]") <= height(notebook, ".namu-panel")
    boxes = page.locator(".namu-graph-node rect").evaluate_all(
        "(all) => all.map((each) => each.getBoundingClientRect().toJSON())"
    )
    for n, one in enumerate(boxes):
        for other in boxes[:n]:
            beside = one["right"] <= other["left"] or other["right"] <= one["left"]
            assert beside or one["bottom"] <= other["top"] or other["bottom"] <= one["top"]
    page.locator(".namu-graph-node", has_text="worker_3").click()
    page.get_by_text("worker_3 was here", exact=False).first.wait_for()
    notebook.shoot("beside_25_nodes")
    assert notebook.errors == []


MANY_THREADS = """
async def go_through():
    await panel.load()
    for n in range(24):
        panel.threads.directory.create("me", title=f"thread number {n + 1}")
    await panel.send("a cafe in Mapo")

await go_through()
"""
CLIPPED = """(texts) => texts.filter((text) => {
  const found = [...document.querySelectorAll('.namu-whole > .namu-threads *')].filter(
    (each) => !each.children.length && each.textContent.trim() === text && each.offsetHeight
  )[0];
  const column = document.querySelector('.namu-whole > .namu-threads').getBoundingClientRect();
  const { top, bottom } = found?.getBoundingClientRect() ?? { top: -1, bottom: -1 };
  return top < column.top - 1 || bottom > column.bottom + 1;
})"""


@pytest.mark.soak
def test_with_many_threads_the_list_scrolls_and_nothing_else_of_its_column(open_panel):
    notebook = open_panel(PANEL.format(speed="None"), MANY_THREADS)
    page = notebook.page
    page.locator(".namu-answer").wait_for()
    notebook.idle()
    page.locator(".namu-panel").scroll_into_view_if_needed()
    for width, height in ((1700, 900), (1500, 640), (1280, 800), (900, 800)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        if not page.locator(".namu-threads-search").is_visible():
            press(notebook, "Threads")
        page.locator(".namu-threads-search").wait_for()
        notebook.shoot(f"beside_threads_{width}", ".namu-whole")
        assert page.evaluate(CLIPPED, ["Threads", "New thread"]) == [], (width, height)
        assert page.evaluate(SCROLLED, ".namu-whole > .namu-threads") == 1, (width, height)


@pytest.mark.soak
def test_threads_by_keyboard_renamed_deleted_and_back_again(open_panel):
    patient = "panel.threads.undo_seconds = 60"  # what is deleted is looked at in both themes
    notebook = open_panel(PANEL.format(speed="None"), patient)
    page = notebook.page
    titles = page.locator(".namu-thread-title")

    def new():
        press(notebook, "New thread")
        page.locator(".namu-empty").wait_for()

    notebook.ask("a cafe in Mapo")
    new()
    notebook.ask("a cafe in Mapo")
    assert page.locator(".namu-thread-number").all_inner_texts() == [" (2)"]
    ended = page.locator(".namu-thread-meta", has_text="1 turn \u00b7 ").first
    ended.wait_for()
    assert ":" in ended.inner_text()
    page.locator(".namu-thread-main").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("F2")
    page.keyboard.type("tea houses")
    page.keyboard.press("Enter")
    page.locator(".namu-thread-title", has_text="tea houses").wait_for()
    assert focused(notebook).startswith("tea houses")
    assert page.locator("[aria-current]").inner_text().startswith("a cafe in Mapo")
    page.keyboard.press("F2")
    page.keyboard.type("never mind")
    page.keyboard.press("Escape")
    assert titles.all_inner_texts() == ["tea houses", "a cafe in Mapo"]
    page.keyboard.press("Delete")
    page.get_by_text('Deleted "tea houses".').wait_for()
    assert titles.all_inner_texts() == ["a cafe in Mapo"]
    assert_contrast(notebook, "beside_deleted")
    press(notebook, "Undo")
    page.locator(".namu-thread-title", has_text="tea houses").wait_for()
    assert page.locator(".namu-threads-undo").is_hidden()
    assert page.locator(".namu-threads-search").is_hidden()
    for n in range(8):
        new()
        notebook.ask(f"a park in Mapo, {n}")
    search = page.get_by_role("searchbox")
    search.fill("TEA")
    assert titles.all_inner_texts() == ["tea houses"]
    search.fill("nothing like it")
    page.get_by_text("No title has these words.").wait_for()
    search.fill("")
    assert titles.count() == 10
    assert_contrast(notebook)
    assert notebook.errors == []


@pytest.mark.soak
def test_a_running_thread_is_marked_and_not_deleted(open_panel):
    notebook = open_panel(PANEL.format(speed="15"))
    page = notebook.page
    page.locator(".namu-box").fill("a museum in Yongsan")
    page.locator(".namu-box").press("Enter")
    page.locator(".namu-thread[data-running=true]").wait_for()
    assert "running" in page.locator(".namu-thread-meta").inner_text()
    page.locator(".namu-thread-main").focus()
    page.keyboard.press("Delete")
    page.get_by_text("is running. Stop it first").wait_for()
    page.locator(".namu-box").press("Escape")
    page.locator(".namu-thread[data-running=false]").wait_for()
    assert notebook.errors == []


@pytest.mark.soak
def test_a_run_goes_on_while_another_thread_is_looked_at(open_panel):
    notebook = open_panel(PANEL.format(speed="15"))
    page = notebook.page
    box = page.locator(".namu-box")
    box.fill("a museum in Yongsan")
    box.press("Enter")
    page.locator(".namu-answer").wait_for()
    press(notebook, "New thread")
    page.locator(".namu-empty").wait_for()
    assert page.evaluate(IN_BOX)
    assert page.locator(".namu-thread[data-running=true]").count() == 1
    assert page.locator(".namu-answer").count() == 0
    page.locator(".namu-thread[data-running=true] .namu-thread-main").click()
    page.locator(".namu-answer").wait_for()
    assert page.evaluate(IN_BOX)
    before = page.locator(".namu-answer .namu-text").inner_text()
    notebook.idle()
    answer = page.locator(".namu-answer .namu-text").inner_text()
    # The line that is being written stands as it was typed: "1." is a number of a list only later.
    begun = before.splitlines()[0]
    assert answer.startswith(begun) and len(answer) > len(before)
    page.locator(".namu-thread[data-running=false]").nth(1).wait_for()
    notebook.shoot("beside_returned")
    assert notebook.errors == []


MEMORY = """
store = InMemoryStore()
store.put(("memories", "me"), "home", {"district": "Mapo-gu", "floor": 3})
panel = ChatPanel(build_namu(checkpointer=InMemorySaver(), store=store, memory=True))
panel.show()
"""


@pytest.mark.soak
def test_a_person_corrects_and_deletes_what_is_remembered(open_panel):
    notebook = open_panel(MEMORY)
    page = notebook.page
    press(notebook, "Memory")
    page.get_by_text("district: 'Mapo-gu'").wait_for()
    page.get_by_role("button", name="Correct: memories/home").focus()
    page.keyboard.press("Enter")
    page.get_by_label("district").fill("Jongno-gu")
    assert_contrast(notebook, "beside_memory")
    page.keyboard.press("Enter")
    page.get_by_text("district: 'Jongno-gu'").wait_for()
    page.get_by_text("home is corrected.").wait_for()
    assert "in Jongno-gu" in notebook.ask("a cafe")
    page.get_by_role("button", name="Delete: memories/home").click()
    page.get_by_text("home is deleted.").wait_for()
    press(notebook, "Undo")
    page.get_by_text("district: 'Jongno-gu'").wait_for()
    assert_contrast(notebook)
    assert notebook.errors == []


@pytest.mark.soak
def test_no_hostile_text_runs_beside_the_chat(open_panel):
    graph = f"""
import json
texts = json.loads({json.dumps(HOSTILE)!r})
model = OfflineChatModel()

class Loud(MessagesState):
    loud: dict

def node(state):
    return {{"messages": [AIMessage("x")], "loud": {{text: text for text in texts}}}}

graph = StateGraph(Loud)
graph.add_node("node", node)
graph.add_edge(START, "node")
panel = ChatPanel(graph.compile(checkpointer=InMemorySaver(), store=InMemoryStore()))
panel.show()

async def say_all():
    await panel.load()
    for n, text in enumerate(texts):
        panel.controller.access.store.put(("notes", "me"), str(n), {{text[:50]: text}})
        panel.threads.directory.create("me", title=text)
    for n in range(0, len(texts), 40):
        await panel.send(" ".join(texts[n : n + 40]))
    panel.threads.widget.notice = panel.threads.widget.deleted = " ".join(texts)

await say_all()
"""
    notebook = open_panel(graph)
    page = notebook.page
    for view in ("State", "Tree", "Memory", "Graph"):
        press(notebook, view)
        page.wait_for_timeout(300)
    page.locator(".namu-graph-node").nth(1).click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.fired") is None
    inside = [f".namu-beside {tag}" for tag in ("img", "script", "iframe", "style", "a")]
    assert page.locator(", ".join(inside)).count() == 0
    assert page.locator(".namu-thread").count() >= 200
    told = [line for line in notebook.errors if "hostile" in line or "Uncaught" in line]
    assert told == []


def test_a_view_is_as_high_as_the_chat_scrolls_in_one_place_and_makes_room(panel):
    for width in (1280, 1700):
        panel.page.set_viewport_size({"width": width, "height": 900})
        press(panel, "Graph")
        check_the_view(panel)


def check_the_view(notebook):
    page = notebook.page
    beside, chat = page.locator(".namu-whole > .namu-beside"), page.locator(".namu-chat")
    page.locator(".namu-graph").wait_for()
    page.wait_for_timeout(300)  # the drawing fits itself into its place
    assert abs(beside.bounding_box()["height"] - chat.bounding_box()["height"]) < 2
    assert page.evaluate(SCROLLED, ".namu-whole > .namu-beside") <= 1
    before = chat.bounding_box()["width"]
    press(notebook, "Hide")
    page.wait_for_timeout(300)
    assert chat.bounding_box()["width"] > before + 150
    press(notebook, "Tree")
    page.wait_for_timeout(300)
    assert chat.bounding_box()["width"] == before
