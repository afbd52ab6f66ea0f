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
        code(f"{SECRET} = 1", nbgrader={"solution": True, "grade": True}),
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
]
IN_TEXT = ["**BEGIN SOLUTION**", "> ### END SOLUTION", "<!-- begin the answer -->"]
SENTENCES = [
    *("# start with the answer of the model", "# the end of this part: no solution yet"),
    *("print('begin solution')", "# an answer", "# test the end", "beginning = solutions = []"),
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


@pytest.mark.parametrize("tag", ["soluton", "solution-cell", "a solution"])
def test_a_tag_that_somebody_meant_as_the_tag_is_refused(tag):
    with pytest.raises(ValueError, match=tag):
        exercise_of(notebook(code(f"{SECRET} = 1", tags=[tag])))


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
