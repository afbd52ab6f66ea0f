"""Chapter 00 in a real JupyterLab: a newcomer runs it, writes to Namu and reads the answer."""

import pytest

from conftest import opened_pages
from course_lib.namu import SUGGESTIONS

pytestmark = pytest.mark.browser

SLOW_PANEL = [
    "from langgraph.checkpoint.memory import InMemorySaver\n"
    "from course_lib.chat import ChatPanel\n"
    "from course_lib.namu.graph import build_namu\n"
    "from course_lib.models.offline import OfflineChatModel",
    "model = OfflineChatModel(tokens_per_second=60)\n"
    "ChatPanel(build_namu(model=model, checkpointer=InMemorySaver())).show()",
]
WATCH = """() => {
  window.lengths = [];
  const log = document.querySelector('.namu-log');
  new MutationObserver(() => {
    const all = log.querySelectorAll('.namu-answer .namu-text');
    if (all.length) window.lengths.push(all[all.length - 1].textContent.length);
  }).observe(log, { childList: true, characterData: true, subtree: true });
}"""


DRAWING = ".jp-RenderedMermaid img, .jp-RenderedMermaid svg"


@pytest.fixture(scope="module")
def run_chapter(lab, pages):
    """Chapter 00 with all cells run, in one page for all tests that do not change the page."""
    with opened_pages(lab, pages) as opened:
        notebook = opened("00_start_here.ipynb")
        notebook.run_all()
        yield notebook


@pytest.fixture
def start(run_chapter):
    """The same with an empty conversation."""
    run_chapter.page.locator(".namu-panel").scroll_into_view_if_needed()
    threads, new = (
        run_chapter.page.get_by_role("button", name=name, exact=True)
        for name in ("Threads", "New thread")
    )
    threads.click()  # a drawer beside a page of this width
    new.click()
    run_chapter.page.locator(".namu-starters").wait_for()
    run_chapter.page.locator(".namu-box").focus()  # closes the drawer
    new.wait_for(state="hidden")
    run_chapter.errors.clear()
    return run_chapter


def test_newcomer_runs_all_cells_and_chats_in_two_languages(start):
    page = start.page
    # The one error on the page is the one that the chapter provokes.
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 1
    english = start.ask("a museum in Yongsan")
    assert "Yongsan-gu" in english
    first = start.page.locator(".namu-answer li").first.inner_text().split(" (")[0]
    assert first in start.ask("tell me about the first one")
    start.shoot("panel_light", ".namu-panel")
    assert "종로구" in start.ask("종로에 있는 고궁 추천해줘")
    page.locator(".namu-panel").scroll_into_view_if_needed()
    start.shoot("start_here_light")
    assert start.errors == []


def test_the_graph_is_drawn_in_the_light_theme(start):
    start.page.locator(DRAWING).first.scroll_into_view_if_needed()
    start.shoot("graph_light")
    assert start.errors == []


@pytest.mark.soak
def test_the_answer_grows_on_the_page_while_it_is_written(open_notebook):
    notebook = open_notebook("slow.ipynb", SLOW_PANEL)
    notebook.run_all()
    notebook.page.locator(".namu-panel").wait_for()
    notebook.page.evaluate(WATCH)
    answer = notebook.ask("a quiet cafe in Jongno-gu")
    lengths = notebook.page.evaluate("window.lengths")
    growing = [n for n in lengths if 0 < n < len(answer)]
    assert len(set(growing)) > 5, lengths


def test_nonsense_hostile_and_empty_messages_get_a_friendly_answer(start):
    page = start.page
    fired = "window.fired = (window.fired || 0) + 1"
    for text in ("", "?!", "asdf qwer", f"<img src=x onerror='{fired}'><script>{fired}</script>"):
        assert "I can find places in Seoul" in start.ask(text)
    assert page.evaluate("window.fired") is None
    assert page.locator(".namu-log img").count() == 0
    assert start.errors == []


@pytest.mark.soak
def test_the_page_is_at_the_panel_after_all_cells_have_run(lab, open_notebook):
    for width, height in ((1280, 800), (853, 533)):  # the second is 150 %
        lab.forget_conversations()
        notebook = open_notebook("00_start_here.ipynb")
        page = notebook.page
        page.set_viewport_size({"width": width, "height": height})
        notebook.run_all()
        page.wait_for_timeout(1000)
        box = page.locator(".namu-box").bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= height, (width, box)
        notebook.ask("a quiet cafe in Jongno-gu")
        page.wait_for_timeout(300)
        log = page.locator(".namu-log").bounding_box()
        for part in (".namu-you", ".namu-answer"):  # the question, and where the answer begins
            at = page.locator(part).bounding_box()
            assert log["y"] <= at["y"] + 1 and at["y"] + 40 < log["y"] + log["height"], part


def test_the_buttons_lead_a_newcomer_to_a_booking(start):
    page = start.page
    page.get_by_role("button", name=SUGGESTIONS[0], exact=True).click()
    page.locator(".namu-card").nth(2).wait_for()
    titles = page.locator(".namu-card strong").all_inner_texts()
    page.get_by_role("button", name=f"Not this: {titles[0]}").click()
    page.locator(".namu-cards").nth(1).wait_for()
    start.idle()
    assert titles[0] not in page.locator(".namu-cards").nth(1).locator("strong").all_inner_texts()
    page.get_by_role("button", name="book the first one for 2 tomorrow", exact=True).click()
    page.get_by_role("button", name="Approve", exact=True).click()
    page.locator(".namu-log").get_by_text("Booked:").first.wait_for()
    assert start.errors == []


@pytest.mark.soak
def test_the_conversation_of_chapter_00_is_there_the_next_day(open_notebook):
    first = open_notebook("00_start_here.ipynb")
    first.run_all()
    first.ask("a museum in Yongsan")
    again = open_notebook("00_start_here.ipynb")  # another notebook, with a kernel of its own
    again.run_all()
    again.page.locator(".namu-log").get_by_text("museums in Yongsan-gu").first.wait_for()
    assert "Yongsan-gu" in again.ask("tell me about the first one")


def test_no_news_prompt_covers_the_page(start):
    assert start.page.get_by_text("Jupyter news").count() == 0


@pytest.mark.soak
def test_a_chapter_is_legible_in_the_dark_theme(open_notebook):
    chapter = "02_choose_a_reducer"
    notebook = open_notebook(f"{chapter}.ipynb", theme="JupyterLab Dark")
    notebook.run_all()
    notebook.page.locator(".jp-OutputArea table").nth(1).scroll_into_view_if_needed()
    notebook.shoot(f"{chapter}_dark")
    assert notebook.errors == []


@pytest.mark.soak
def test_panel_and_graph_are_legible_in_the_dark_theme(open_notebook):
    notebook = open_notebook("00_start_here.ipynb", theme="JupyterLab Dark")
    notebook.run_all()
    notebook.ask("a park in Songpa-gu")
    notebook.page.locator(".namu-panel").scroll_into_view_if_needed()
    notebook.shoot("start_here_dark")
    notebook.page.locator(DRAWING).first.scroll_into_view_if_needed()
    notebook.shoot("graph_dark")
    assert notebook.errors == []
