"""The generator on notebooks from elsewhere: their metadata, their faults, and learners' work."""

import json
import shutil
from pathlib import Path

import pytest

from course_lib.exercises.generate import exercise_of, generate, notebook_text, read_notebook
from course_lib.exercises.made_exercises import fingerprint, read_record
from course_lib.settings import ROOT

SECRET = "the_secret_answer"
SHOWN = {
    "slideshow": {"slide_type": "slide"},
    "editable": False,
    "deletable": False,
    "scrolled": "auto",
    "collapsed": True,
    "jupyter": {"source_hidden": True},
}


def cell_of(kind, source="x = 1", **more):
    return {"cell_type": kind, "id": "a-cell", "metadata": {}, "source": [source], **more}


@pytest.mark.parametrize("kind", ["code", "markdown", "raw"])
def test_metadata_that_only_says_how_a_cell_is_shown_is_kept(kind):
    made = exercise_of({"cells": [cell_of(kind, metadata={**SHOWN, "tags": ["a-tag"]})]})
    assert made["cells"][0]["metadata"] == {**SHOWN, "tags": ["a-tag"]}


@pytest.mark.parametrize("kind", ["code", "markdown", "raw"])
def test_metadata_that_may_hold_an_answer_are_left_out(kind):
    hidden = {
        "notes": SECRET,
        "slideshow": {"slide_type": "notes", "speaker": SECRET},
        "jupyter": {"source": SECRET, "source_hidden": {"was": SECRET}},
        "editable": {"was": SECRET},
        "nbgrader": {"grade_id": "a", "points": 1, "reference": SECRET, "locked": [SECRET]},
        "execution": {"iopub.status.busy": SECRET},
    }
    cell = cell_of(kind, metadata=hidden, solution_source=SECRET)
    notebook = {"cells": [cell], "metadata": {"answers": SECRET, "title": "A"}, "key": SECRET}
    made = exercise_of(notebook)
    assert SECRET not in json.dumps(made)
    assert made["cells"][0]["metadata"]["nbgrader"] == {"grade_id": "a", "points": 1}
    assert made["metadata"] == {"title": "A"}


def test_a_raw_cell_keeps_what_it_is_converted_to():
    for metadata in ({"format": "text/latex"}, {"raw_mimetype": "text/restructuredtext"}):
        made = exercise_of({"cells": [cell_of("raw", metadata=metadata)]})
        assert made["cells"][0]["metadata"] == metadata


def test_pictures_stay_with_the_text_they_are_in_and_with_no_solution():
    picture = {"a.png": {"image/png": SECRET}}
    solved = {"metadata": {"tags": ["solution"]}, "attachments": picture}
    cells = [cell_of(kind, **solved) for kind in ("code", "markdown", "raw")]
    assert SECRET not in json.dumps(exercise_of({"cells": cells}))
    for kind in ("markdown", "raw"):
        [made] = exercise_of({"cells": [cell_of(kind, attachments=picture)]})["cells"]
        assert made["attachments"] == picture


def without(cell, name):
    return {key: value for key, value in cell.items() if key != name}


CODE = cell_of("code", outputs=[], execution_count=1)
READABLE = [
    without(CODE, "metadata"),
    without(CODE, "outputs"),
    without(CODE, "execution_count"),
    without(CODE, "id"),
    {**CODE, "metadata": None},
    {**CODE, "metadata": {"tags": None, "nbgrader": None}},
    {**CODE, "source": "x = 1"},
]


@pytest.mark.parametrize("cell", READABLE)
@pytest.mark.parametrize("metadata", [{}, {"metadata": None}, {"metadata": {}}])
def test_what_other_tools_leave_out_is_read_as_empty(cell, metadata):
    made = exercise_of({"cells": [cell], **metadata})
    assert made["metadata"] == {} and made["cells"][0]["metadata"] == {}
    assert made["cells"][0]["source"] == ["x = 1"] and made["cells"][0]["outputs"] == []


@pytest.mark.parametrize("source", [None, [], ""])
def test_a_cell_without_a_source_is_an_empty_cell(source):
    assert exercise_of({"cells": [{**CODE, "source": source}]})["cells"][0]["source"] == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"metadata": {"nbgrader": []}}, "nbgrader"),
        ({"metadata": {"nbgrader": "solution"}}, "nbgrader"),
        ({"metadata": {"tags": "solution"}}, "tags 'solution'"),
        ({"metadata": {"tags": [1]}}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"source": 7}, "source 7"),
        ({"source": ["x", None]}, "source"),
        ({"cell_type": None}, "type None"),
        ({"cell_type": "heading"}, "type 'heading'"),
    ],
)
def test_a_cell_that_no_cell_can_be_is_refused_by_its_name(fault, words):
    with pytest.raises(ValueError, match=r"cell 2 \(a-cell\)") as raised:
        exercise_of({"cells": [CODE, {**CODE, **fault}]})
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (b"", "not JSON"),
        (b"{'cells': []}", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        (b"{}", "'cells' must be a list"),
        (b'{"cells": null}', "'cells' must be a list"),
        (b'{"cells": ["x"]}', "cell 1 must be"),
        (b'{"cells": [], "metadata": 3}', "'metadata' must be"),
        (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "--nbformat 4"),
        (b'{"nbformat": 5, "cells": []}', "format 5"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_by_its_name(tmp_path, stored, words):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_a.ipynb").write_bytes(stored)
    with pytest.raises(ValueError, match=r"solutions/01_a\.ipynb") as raised:
        generate(tmp_path)
    assert words in str(raised.value) and not list((tmp_path / "exercises").iterdir())


@pytest.fixture
def course(tmp_path):
    """A checkout with one chapter whose exercise was made; the solution has changed since."""
    source = next((ROOT / "solutions").glob("01_*.ipynb"))
    (tmp_path / "solutions").mkdir()
    solution = Path(shutil.copy(source, tmp_path / "solutions"))
    generate(tmp_path)
    changed = json.loads(solution.read_text("utf-8"))
    changed["cells"][0]["source"].append("\nA sentence that is new.")
    solution.write_text(json.dumps(changed), encoding="utf-8")
    return tmp_path


def typed(notebook):
    notebook["cells"][2]["source"] = ["# my idea"]


def removed(notebook):
    del notebook["cells"][-1]


def added(notebook):
    notebook["cells"].append(cell_of("markdown", "My notes."))


def pasted(notebook):
    notebook["cells"][0]["attachments"] = {"a.png": {"image/png": "AAAA"}}


def moved(notebook):
    notebook["cells"][3:5] = notebook["cells"][4:2:-1]


@pytest.mark.parametrize("work", [typed, removed, added, pasted, moved])
@pytest.mark.parametrize("gone", [False, True])
def test_work_that_was_never_run_is_not_overwritten(course, work, gone):
    [mine] = (course / "exercises").glob("*.ipynb")
    notebook = json.loads(mine.read_text("utf-8"))
    work(notebook)
    mine.write_text(json.dumps(notebook), encoding="utf-8")
    before = mine.read_bytes()
    if gone:
        next((course / "solutions").glob("*.ipynb")).unlink()
    for _ in range(2):
        assert generate(course) == ([], [mine])
        assert mine.read_bytes() == before
    assert generate(course, force=True) == ([mine], [])


def test_a_file_that_was_only_opened_and_saved_follows_the_solution(course):
    [mine] = (course / "exercises").glob("*.ipynb")
    notebook = json.loads(mine.read_text("utf-8"))
    notebook["metadata"]["language_info"]["version"] = "3.12.1"
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    mine.write_bytes(json.dumps(notebook).replace("\n", "\r\n").encode())
    assert generate(course) == ([mine], [])
    assert "A sentence that is new." in mine.read_text("utf-8")
    assert generate(course) == ([], [])


@pytest.mark.parametrize("stored", [b"\xff\xfe", b"{}", b"null", b'{"cells": [1]}', b""])
def test_a_file_that_cannot_be_read_is_somebodys_work(course, stored):
    [mine] = (course / "exercises").glob("*.ipynb")
    mine.write_bytes(stored)
    assert generate(course) == ([], [mine]) and mine.read_bytes() == stored


@pytest.mark.parametrize("record", [None, "", "[]", "{"])
def test_without_its_record_the_generator_overwrites_nothing_that_differs(course, record):
    stored = course / "solutions" / "exercises.json"
    stored.unlink() if record is None else stored.write_text(record)
    [mine] = (course / "exercises").glob("*.ipynb")
    assert generate(course) == ([], [mine])
    assert generate(course, force=True) == ([mine], [])


def test_a_notebook_of_the_learners_own_is_not_removed(course):
    own = course / "exercises" / "01_my_try.ipynb"
    own.write_text(notebook_text({"cells": [cell_of("code")]}), encoding="utf-8")
    generate(course)
    assert own.exists()


def test_the_record_in_the_repository_agrees_with_the_solutions():
    made = {
        path.name: fingerprint(notebook_text(exercise_of(read_notebook(path.read_bytes()))))
        for path in (ROOT / "solutions").glob("*.ipynb")
    }
    assert read_record(ROOT) == made, "run `make exercises`"
