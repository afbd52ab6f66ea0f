"""The quiz of a chapter in a real JupyterLab: by mouse, by keyboard and in both themes."""

import json
import re

import pytest

from course_lib.exercises.quiz import load_quiz

pytestmark = [pytest.mark.browser, pytest.mark.soak]

CELLS = ["from course_lib.exercises import ch02", "ch02.quiz()"]
QUESTIONS = load_quiz("02").questions
CONTRAST = """element => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  };
  let behind = element;
  while (behind) {
    const colour = parse(getComputedStyle(behind).backgroundColor);
    if (colour.length === 3 || colour[3] > 0.99) break;
    behind = behind.parentElement;
  }
  const back = light(behind ? parse(getComputedStyle(behind).backgroundColor) : [255, 255, 255]);
  const front = light(parse(getComputedStyle(element).color));
  return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
}"""


def right(number):
    return next(n for n, option in enumerate(QUESTIONS[number - 1].options) if option.right)


def wrong(number):
    return next(n for n, option in enumerate(QUESTIONS[number - 1].options) if not option.right)


def plain(text):
    """A text as the page shows it: code without its backticks, one space between words."""
    return re.sub(r"\s+", " ", text.replace("`", "")).strip()


def test_a_quiz_is_answered_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook("quiz.ipynb", CELLS)
    notebook.run_all()
    page = notebook.page
    forms = page.locator(".namu-quiz-question")
    forms.first.wait_for()
    assert forms.count() == len(QUESTIONS)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    first, second = forms.nth(0), forms.nth(1)
    assert plain(QUESTIONS[0].text) in plain(first.inner_text())
    assert first.locator(".namu-quiz-check").is_disabled()

    # By mouse: a wrong option explains all of them, and another one can be chosen.
    first.locator("label").nth(wrong(1)).click()
    first.locator(".namu-quiz-check").click()
    first.get_by_text("Not yet. You can choose again.").wait_for()
    shown = plain(first.inner_text())
    for option in QUESTIONS[0].options:
        assert f"{'✓ Right' if option.right else '✗ Wrong'} {plain(option.why)}" in shown
    first.locator("label").nth(right(1)).click()
    first.locator(".namu-quiz-check").click()
    first.get_by_text("Right.", exact=True).wait_for()

    # By keyboard: the arrow keys move inside the question, and Enter checks.
    second.locator("input").first.focus()
    page.keyboard.press("Space")
    for _ in range(right(2)):
        page.keyboard.press("ArrowDown")
    assert second.locator("input").nth(right(2)).is_checked()
    page.keyboard.press("j")
    page.keyboard.press("b")  # a shortcut of JupyterLab that would add a cell
    page.keyboard.press("Enter")
    second.get_by_text("Right.", exact=True).wait_for()
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert re.match("[234] of 4 answered right", page.locator(".namu-quiz-count").inner_text())
    assert first.locator("input").nth(right(1)).is_checked()

    texts = page.locator(
        ".namu-quiz legend, .namu-quiz label, .namu-quiz code, .namu-quiz-why, .namu-quiz-mark, "
        ".namu-quiz-status, .namu-quiz-count, .namu-quiz-check:enabled"
    )
    for theme in notebook.in_both_themes():
        ratios = [text.evaluate(CONTRAST) for text in texts.all()]
        assert min(ratios) >= 4.5, (theme, min(ratios))
        notebook.shoot(f"quiz_{theme}", ".namu-quiz")
    assert notebook.errors == []


def test_what_was_answered_is_remembered_when_the_cell_runs_again(open_notebook):
    cells = [*CELLS, "from course_lib.exercises.progress import load\nprint(sorted(load()))"]
    notebook = open_notebook("again.ipynb", cells)
    notebook.run_all()
    page = notebook.page
    third = page.locator(".namu-quiz-question").nth(2)
    third.locator("label").nth(right(3)).click()
    third.locator(".namu-quiz-check").click()
    third.get_by_text("Right.", exact=True).wait_for()
    notebook.run_all()
    page.get_by_text("You have answered this question before.").first.wait_for()
    assert "ch02.q3" in page.locator(".jp-OutputArea-output").last.inner_text()
    assert notebook.errors == []


def test_texts_of_a_quiz_are_shown_as_text(open_notebook):
    evil = '<img src=x onerror="window.broken = 1">'
    code = (
        "from course_lib.exercises.quiz import Option, Question, Quiz\n"
        "from course_lib.exercises.quiz_view import QuizView\n"
        f"evil = {json.dumps(evil)}\n"
        "options = (Option(evil, True, evil), Option('`' + evil + '`', False, evil))\n"
        "QuizView(Quiz('99', (Question('ch99.q1', evil, options),)))"
    )
    notebook = open_notebook("evil.ipynb", [code])
    notebook.run_all()
    form = notebook.page.locator(".namu-quiz-question")
    form.locator("label").first.click()
    form.locator(".namu-quiz-check").click()
    form.get_by_text("Right.", exact=True).wait_for()
    assert form.inner_text().count(evil) == 5
    assert notebook.page.evaluate("window.broken") is None
    assert form.locator("img").count() == 0
