"""Chapter 00 in a real JupyterLab: a newcomer runs it, writes to Namu and reads the answer."""

import re

import pytest

pytestmark = pytest.mark.browser

ANSWER = ".namu-entry.namu-namu .namu-text"


def ask(page, text):
    """Write into the panel and send with Enter; return the finished answer."""
    before = page.locator(ANSWER).count()
    page.locator(".namu-box").fill(text)
    page.locator(".namu-box").press("Enter")
    page.locator(f"{ANSWER} >> nth={before}").wait_for(timeout=20_000)
    page.wait_for_function("document.querySelector('.namu-status').textContent === ''")
    return page.locator(f"{ANSWER} >> nth={before}").inner_text()


@pytest.fixture
def start(open_notebook):
    notebook = open_notebook("00_start_here.ipynb")
    notebook.run_all()
    notebook.page.locator(".namu-panel").scroll_into_view_if_needed()
    return notebook


def test_newcomer_runs_all_cells_and_chats_in_two_languages(start):
    page = start.page
    # The one error on the page is the one that the chapter provokes.
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 1
    assert page.locator(".jp-Notebook svg").count() > 0, "the graph is not drawn"
    english = ask(page, "a museum in Yongsan")
    assert "Yongsan-gu" in english and re.search(r"^1\. ", english, re.M)
    first = re.search(r"^1\. (.*?) \(", english, re.M).group(1)
    assert first in ask(page, "tell me about the first one")
    korean = ask(page, "종로에 있는 고궁 추천해줘")
    assert "종로구" in korean
    page.locator(".namu-panel").scroll_into_view_if_needed()
    start.shoot("start_here_light")
    assert start.said == []


def test_answer_streams_into_the_page_before_it_is_complete(start):
    page = start.page
    page.evaluate(
        """() => {
          window.lengths = [];
          const log = document.querySelector('.namu-log');
          new MutationObserver(() => {
            const all = log.querySelectorAll('.namu-namu .namu-text');
            if (all.length) window.lengths.push(all[all.length - 1].textContent.length);
          }).observe(log, { childList: true, characterData: true, subtree: true });
        }"""
    )
    slow = "from course_lib.offline import OfflineChatModel as M\n"
    page.evaluate(
        """code => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
          .requestExecute({ code }).done""",
        slow + "slow = ChatPanel(build_namu(model=M(tokens_per_second=80), "
        "checkpointer=InMemorySaver()), user='slow')\n"
        "panels = [o for o in __import__('ipywidgets').Widget._instances.values()] "
        "if hasattr(__import__('ipywidgets').Widget, '_instances') else []",
    )
    ask(page, "a quiet cafe in Jongno-gu")
    lengths = page.evaluate("window.lengths")
    assert lengths and lengths[-1] > 100


def test_nonsense_hostile_and_empty_messages_get_a_friendly_answer(start):
    page = start.page
    fired = "window.fired = (window.fired || 0) + 1"
    for text in ("", "?!", "asdf qwer", f"<img src=x onerror='{fired}'><script>{fired}</script>"):
        assert len(ask(page, text)) > 20
    assert page.evaluate("window.fired") is None
    assert page.locator(".namu-log img").count() == 0
    assert start.said == []


def test_new_conversation_forgets_the_old_one(start):
    page = start.page
    ask(page, "a museum in Yongsan")
    page.locator(".namu-new").click()
    page.locator(".namu-empty").wait_for()
    assert "not recommended" in ask(page, "the second one please")


def test_dark_theme_is_legible(open_notebook):
    notebook = open_notebook("00_start_here.ipynb", theme="JupyterLab Dark")
    notebook.run_all()
    ask(notebook.page, "a park in Songpa-gu")
    notebook.page.locator(".namu-panel").scroll_into_view_if_needed()
    notebook.shoot("start_here_dark")
    notebook.page.locator(".jp-Notebook svg").first.scroll_into_view_if_needed()
    notebook.shoot("graph_dark")
    assert notebook.said == []
