"""The generator publishes no answer: it makes a hole, or refuses the cell by its name."""

import copy
import importlib.util
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.exercises.exercise import BEGIN, END
from course_lib.exercises.generate import exercise_of, generate
from course_lib.settings import ROOT

SECRET = "the_secret_answer"


def notebook(*cells):
    return {"cells": [{"id": f"cell-{n}", **cell} for n, cell in enumerate(cells)]}


def code(source, tags=(), **metadata):
    return {
        "cell_type": "code",
        "source": source.splitlines(keepends=True),
        "metadata": {"tags": list(tags), **metadata},
        "outputs": [{"output_type": "stream", "name": "stdout", "text": SECRET}],
        "execution_count": 1,
    }


def text(source, tags=(), **more):
    metadata = {"tags": list(tags)}
    return {"cell_type": "markdown", "source": [source], "metadata": metadata, **more}


@pytest.mark.parametrize(
    "cell",
    [
        code(f"# BEGIN SOLUTION\n{SECRET} = 1\n# END SOLUTION"),
        code(f"###BEGIN SOLUTION\n{SECRET} = 1\n###END SOLUTION"),
        code(f"### begin solution\n{SECRET} = 1\n### end solution"),
        code(f"### BEGIN SOLUTIONS\n{SECRET} = 1\n### END SOLUTIONS"),
        code(f"### BEGIN ANSWER\n{SECRET} = 1\n### END ANSWER"),
        code(f"### BEGIN HIDDEN TESTS\nassert {SECRET}\n### END HIDDEN TESTS"),
        code(f"{BEGIN}\n{SECRET} = 1"),
        code(f"{SECRET} = 1\n{END}"),
        code(f"{BEGIN}\n{BEGIN}\n{SECRET} = 1\n{END}\n{END}"),
        code(f"{BEGIN}\n{BEGIN}\n{SECRET} = 1\n{END}"),
        code(f"{SECRET} = 1", tags=["Solution"]),
        code(f"{SECRET} = 1", tags=["solutions"]),
        code(f"{SECRET} = 1", nbgrader={"solution": True, "grade": False}),
        code(f"{SECRET} = 1", nbgrader={"solution": True, "grade": True}),
        code(f"{SECRET} = 1\n{BEGIN}\nx = 1\n{END}", nbgrader={"solution": True, "grade": True}),
        code(f"{BEGIN}\n{SECRET} = 1\n{END}", nbgrader={"solution": True, "grade": True}),
        {**text(SECRET), "metadata": {"nbgrader": {"solution": True, "grade": True}}},
        {**text(SECRET), "cell_type": "raw", "metadata": {"nbgrader": {"solution": True}}},
        text(f"{BEGIN}\n{SECRET}\n{END}"),
        text(SECRET, tags=["SOLUTION"]),
    ],
)
def test_a_cell_that_would_publish_its_answer_is_refused_by_its_name(cell):
    solution = notebook(text("# A title"), cell)
    before = copy.deepcopy(solution)
    with pytest.raises(ValueError, match=r"cell 2 \(cell-1\)|cell-1"):
        exercise_of(solution)
    assert solution == before


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_taken(end):
    source = end.join(["def f():", f"    {BEGIN}", f"    return {SECRET}", f"    {END}", ""])
    made = exercise_of(notebook(code(source)))
    assert SECRET not in json.dumps(made) and "def f():" in "".join(made["cells"][0]["source"])


def test_what_a_grader_and_a_picture_need_is_kept():
    grading = {"grade_id": "a", "grade": True, "solution": False, "points": 2}
    picture = {"a.png": {"image/png": "AAAA"}}
    made = exercise_of(
        notebook(
            code("check()", nbgrader=grading), text("![](attachment:a.png)", attachments=picture)
        )
    )
    assert made["cells"][0]["metadata"]["nbgrader"] == grading
    assert made["cells"][1]["attachments"] == picture
    assert made["cells"][0]["outputs"] == [] and made["cells"][0]["execution_count"] is None


LINES = st.lists(st.sampled_from(["x = 1", "    y = 2", "", "# a comment", "print(x)"]), max_size=4)


@given(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=4), st.sampled_from(["", "    "]))
def test_no_line_of_a_solution_is_in_its_exercise(parts, indent):
    lines = []
    for number, (before, answer) in enumerate(parts):
        lines += [*before, indent + BEGIN, f"{indent}{SECRET}_{number} = 1", *answer, indent + END]
    made = "".join(exercise_of(notebook(code("\n".join(lines))))["cells"][0]["source"])
    assert SECRET not in made and BEGIN not in made and END not in made
    for before, _ in parts:
        assert all(line in made for line in before)


def test_the_normal_form_keeps_pictures_and_grades():
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "tools/notebooks.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    picture = {"a.png": {"image/png": "AAAA"}}
    cell = nbformat.v4.new_markdown_cell("![](attachment:a.png)", attachments=picture)
    cell.metadata = nbformat.from_dict({"nbgrader": {"grade_id": "a"}, "collapsed": True})
    made = nbformat.v4.new_notebook(cells=[cell])
    tool.normalise(made)
    assert made.cells[0].attachments == picture
    assert dict(made.cells[0].metadata) == {"nbgrader": {"grade_id": "a"}}


NEAR = [
    *("### BEGIN SOLUTOIN", "### BEGN SOLUTION", "### EDN SOLUTION", "### SOLUTION BEGIN"),
    *(
        "### BEGIN: SOLUTION",
        "### BEGIN.SOLUTION",
        "# ---- BEGIN SOLUTION ----",
        "#%% BEGIN SOLUTION",
    ),
    *("###\u00a0BEGIN SOLUTION", "### BEGIN\u2009SOLUTION", "### BEGIN \u200bSOLUTION"),
    *("＃＃＃ BEGIN SOLUTION", "### BEGIN S\u041eLUTION", "### BEGIN YOUR SOLUTION"),
    *("### BEGIN MODEL ANSWER", "### BEGIN HIDDENTESTS", "### BEGIN MARK SCHEME"),
    *("x = 1  # begin solution", "x = 1  # SOLUTION", "// BEGIN SOLUTION", "-- END SOLUTION"),
    *("<!-- BEGIN SOLUTION -->", "x\v### BEGIN  SOLUTION"),
    *("### BEGIN SOLU\u00adTION", "# BEGIN SOLUTION that fits in a line"),
]
NEAR += [
    *("### BEGIN SOLN", "# begin sol", "### END ANS", "# Solution starts here", "### Answer ends"),
    *(
        "# SOLUTION REGION START",
        "# BEGIN INSTRUCTOR CODE",
        "# INSTRUCTOR ONLY",
        "# for teachers only",
    ),
    *("# Sample solution", "# Model solution:", "# solution below", "### Answer", "# ANSWER"),
    *("### BEGIN TESTS", "# begin tests", "# END OF THE TESTS", "### TESTS START", "# BEGIN TSETS"),
    *("# HIDDEN TESTS", "# hidden tests here", "### Private test", "### HASHED AUTOTEST"),
    *(
        "### END TEST CASES",
        "# HIDDEN TEST CASES",
        "### HIDDEN",
        "# answer key",
        "# teacher's solution",
    ),
    *("### HASHED AUTOTEST squares(3)", "### AUTOTEST squares(3)"),
    *("### START CODE HERE", "### END CODE HERE ###", "# your code starts here", "# END CODE"),
    *("### 정답 시작", "# 정답끝", "# 여기서부터 풀이 시작", "### BEGIN 정답", "# 숨은 테스트"),
    *(
        "# 答案开始",
        "# 解答ここから開始",
        "# Beginn der Lösung",
        "# LOESUNG ENDE",
        "# Musterlösung",
    ),
    *("# début de la solution", "# fin corrigé", "# inicio de la solución", "# FIN SOLUCION"),
    *("# fim da resposta", "# inizio soluzione", "# начало решения", "# конец ответа"),
]
NEAR += [
    *("# BEGINSOLUTION", "# BeginSolution", "# endsolution", "# SolutionStart", "# HiddenTestsEnd"),
    *("# B E G I N  S O L U T I O N", "x = 1  # BEGINSOLUTION", "# BEGINHIDDENTESTS"),
    *("x = 1  # SOLUTION NO PROMPT", "# solution no prompt", "x = 1  # ANSWER NO PROMPT"),
    *("/* BEGIN SOLUTION */", "  /** end of the solution **/", "x = 1; /* begin answer */"),
    *("% BEGIN SOLUTION", "%%% END SOLUTION", "; BEGIN SOLUTION", "(* BEGIN SOLUTION *)"),
    *("REM BEGIN SOLUTION", "! END SOLUTION", "{- BEGIN SOLUTION -}", "* begin hidden tests"),
    *("#region solution", "# region Solution", "//region sample solution", "#region answers"),
    *(f"# ANS: {SECRET}", f"# Answer: {SECRET}", f"x = 1  # solution: {SECRET}"),
    *(f"# Model answer: {SECRET}", f"# Expected answer: {SECRET}", f"# 정답: {SECRET}"),
    *(f"# Lösung: {SECRET}", f"// Solution: {SECRET}", f"# Instructor notes: {SECRET}"),
]
HEADINGS = [
    "## Start the answer with a greeting",
    "## Start the tests",
    "The end of the answer is near.",
    "## How to find a solution",
    "## The answer of the model",
    "The **solution** is near.",
    "## Tests",
    "A solution of salt: 3 g in water",
    "The solution is to ask again.",
    "The solution: ask again",
    "**Salt solution:** 3 g in water",
    "**The answer of the model:** a text",
    "**Hint:** the solution is short.",
    "- answer: a text of the model",
    "**Solution** is a word of chemistry.",
    "**Tests:** run them with make test.",
    "<details><summary>Hint</summary>",
    "<summary>How the solution is checked</summary>",
    "```{note} The solution follows in chapter 3",
    "See [the solution](https://example.org/solution:1).",
]
IN_TEXT = [
    *("**BEGIN SOLUTION**", "> ### END SOLUTION", "<!-- begin the answer -->"),
    *("## Solution", "# Model answer", "**Answer:**", "__Solution__", "### 정답", "## Solution 2"),
    *(f"**Solution:** {SECRET}", f"**Solution**: {SECRET}", f"*Model answer:* {SECRET}"),
    *(f"- __Answer:__ {SECRET}", f"1. **Solution.** {SECRET}", f"> **Lösung:** {SECRET}"),
    *(f"Solution: {SECRET}", f"## Solution: {SECRET}", f"**정답:** {SECRET}", "BEGINSOLUTION"),
    *(f"<b>Solution:</b> {SECRET}", "<h3>Solution</h3>", f"<strong>Answer</strong>: {SECRET}"),
    *("<details><summary>Solution</summary>", "<details>\n<summary>\n<b>Answer</b>\n</summary>"),
    *("<summary>Click to see the solution</summary>", "<summary>Show answer</summary>"),
    *(":::{admonition} Solution", "::: {.callout-tip} Model answer", "```{solution} exercise-1"),
]
SENTENCES = [
    *("# start with the answer of the model", "# the end of this part: no solution yet"),
    *("print('begin solution')", "# an answer", "# test the end", "beginning = solutions = []"),
    *("# start the server", "# the tests below", "# start the tests", "# the tests start below"),
    *("# send the answer", "# the top answer", "# post the answer", "# state of the answer"),
    *("# the end of the schema", "# no solution", "# hidden size", "# from START to END"),
    *("half = n // solution", "url = 'https://example.org/solutions'", "# the answer streams"),
    *("# YOUR CODE HERE", "# start code generation", "# private", "# the teacher asks"),
    *("# hidden", "# the key of the answer", "# two test cases", "# write your solution here"),
    *("# 서버 시작", "# 질문과 답", "# 테스트", "# Ende", "# fine answer", "# sol"),
    *("# a solution of salt", "# the solution is to ask again", "# answer: a dict", "# ans: int"),
    *("# Hidden: 3 layers", "# Tests: see below", "x = '# Answer: 3'", "% run it"),
    *(
        "%run solution.py",
        "%load solutions/one.py",
        "*start, answer = values",
        "(*starts, *answers)",
    ),
    *(
        "# the answer: a text",
        "# region of Seoul",
        "#region helpers",
        "# no solution no prompt asked",
    ),
    *("remove(begin, solution)", "# beginsWith(answer)", "# endTest is a method", "; x"),
]


@pytest.mark.parametrize("line", NEAR)
def test_a_line_that_somebody_meant_as_a_marker_is_refused(line):
    with pytest.raises(ValueError, match=r"cell 1 \(cell-0\)"):
        exercise_of(notebook(code(f"{line}\n{SECRET} = 1")))


@pytest.mark.parametrize("line", IN_TEXT)
def test_a_marker_in_text_is_refused_however_it_is_set(line):
    with pytest.raises(ValueError, match=r"cell 1 \(cell-0\)"):
        exercise_of(notebook(text(f"A question.\n{line}\n{SECRET}")))


@pytest.mark.parametrize("line", SENTENCES)
def test_a_sentence_is_no_marker(line):
    assert line in "".join(exercise_of(notebook(code(line)))["cells"][0]["source"])


@pytest.mark.parametrize("line", HEADINGS)
def test_a_sentence_in_text_is_no_marker(line):
    assert exercise_of(notebook(text(line)))["cells"][0]["source"] == [line]


TAGS = [
    *("soluton", "solution-cell", "a solution", "answer", "Answers", "model_answer", "sol", "soln"),
    *("instructor", "instructor-only", "teacher", "teachers", "hidden-tests", "정답", "Lösung"),
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_that_somebody_meant_as_the_tag_is_refused(tag):
    with pytest.raises(ValueError, match=tag):
        exercise_of(notebook(code(f"{SECRET} = 1", tags=[tag])))


@pytest.mark.parametrize(
    "tag", ["hide-input", "remove_cell", "parameters", "student", "private", "raises-exception"]
)
def test_a_tag_about_something_else_is_kept(tag):
    for cell in (code("x = 1", tags=[tag]), text("A question.", tags=[tag])):
        assert exercise_of(notebook(cell))["cells"][0]["metadata"] == {"tags": [tag]}


def test_a_graded_cell_with_the_tag_is_emptied():
    grading = {"grade_id": "a", "solution": True, "grade": True}
    cells = [code(SECRET, ["solution"], nbgrader=grading), text(SECRET, ["solution"])]
    cells[1]["metadata"]["nbgrader"] = grading
    made = exercise_of(notebook(*cells))
    assert SECRET not in json.dumps(made)
    assert [cell["source"] for cell in made["cells"]] == [["# your code here"]]


def test_what_a_test_grades_keeps_what_is_given():
    source = f"def f(x):\n    {BEGIN}\n    return {SECRET}\n    {END}"
    made = exercise_of(notebook(code(source, nbgrader={"solution": True, "grade": False})))
    assert made["cells"][0]["source"][0] == "def f(x):\n" and SECRET not in json.dumps(made)


def test_a_task_with_its_mark_scheme_is_refused():
    task = text(f"Do it. 2 points for {SECRET}")
    task["metadata"]["nbgrader"] = {"task": True, "grade": True, "solution": False}
    with pytest.raises(ValueError, match="mark scheme"):
        exercise_of(notebook(task))


def test_what_running_has_left_in_the_notebook_is_not_published():
    kept = {"kernelspec": {"name": "python3"}, "title": "A notebook"}
    left = {"widgets": {"state": SECRET}, "papermill": {"parameters": SECRET}}
    made = exercise_of({**notebook(code("1")), "metadata": {**kept, **left}})
    assert made["metadata"] == kept


def test_a_solution_that_cannot_be_written_changes_no_file_and_is_named(tmp_path):
    folder = tmp_path / "solutions"
    folder.mkdir()
    first, second = folder / "01_first.ipynb", folder / "02_second.ipynb"
    first.write_text("\ufeff" + json.dumps(notebook(code("x = 1"))), encoding="utf-8")
    second.write_text(json.dumps(notebook(code("x = 1"))), encoding="utf-8")
    generate(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "exercises").iterdir()}
    assert len(before) == 2
    first.write_text(json.dumps(notebook(code("y = 2"))), encoding="utf-8")
    second.write_text(json.dumps(notebook(code("'\ud83d'"))), encoding="utf-8")
    with pytest.raises(ValueError, match="solutions/02_second"):
        generate(tmp_path)
    assert {path: path.read_bytes() for path in (tmp_path / "exercises").iterdir()} == before
