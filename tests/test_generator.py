"""The generator publishes no answer: it makes a hole, or refuses the cell by its name."""

import copy
import importlib.util
import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.exercises.exercise import BEGIN, END
from course_lib.exercises.generate import exercise_of
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
