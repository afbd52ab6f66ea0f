"""The contract of every notebook: executed, in order, clean, linked, the same on any machine."""

import ast
import json
import re
import runpy
from pathlib import Path

import pytest

from course_lib.display.graphs import FOR_BOTH_THEMES
from course_lib.exercises.generate import exercise_of
from course_lib.settings import ROOT

STORED = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "solutions").glob("*.ipynb")])
EXERCISES = [ROOT / "exercises" / p.name for p in STORED if p.parent.name == "solutions"]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONG = ("03_build", "10", "12", "13", "18", "A1")
"""The chapters that have more to say."""
SECOND_PAGES = ("A1_older_text.ipynb",)
"""Pages of a chapter whose exercises belong to its first page."""

LIBRARY_LAST = {"03_build_the_agent": "course_lib.namu"}
"""A chapter that builds something first, and what it imports only afterwards, to compare."""
MACHINE_PATH = re.compile(r"/root/|/home/|/Users/|/tmp/|/work/|site-packages|[A-Z]:\\\\")
SILENT = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)


def load(path: Path) -> dict:
    """A stored notebook, or an exercise as generated: a learner may have worked in the file."""
    if path.parent.name == "exercises":
        return exercise_of(load(ROOT / "solutions" / path.name))
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path: Path) -> list[dict]:
    return [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]


def all_of(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda p: f"{p.parent.name}/{p.stem}")


def complaints(cell: dict) -> list[str]:
    """What is wrong with one stored code cell."""
    tags, found = cell["metadata"].get("tags", []), []
    errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
    if errors and "raises-exception" not in tags:
        found.append(f"stores {errors[0]['ename']} without the tag raises-exception")
    if "raises-exception" in tags and not errors:
        found.append("is tagged raises-exception and raised nothing")
    if any(o.get("name") == "stderr" for o in cell["outputs"]):
        found.append("stores stderr")
    if MACHINE_PATH.search(json.dumps(cell["outputs"], ensure_ascii=False)):
        found.append("stores a path of some machine")
    if not cell["outputs"] and not is_silent("".join(cell["source"])):
        found.append("shows nothing, though it does something")
    if "nbval-skip" in tags and "skip-reason" not in cell["metadata"]:
        found.append("is skipped without a reason")
    return found


def is_silent(source: str) -> bool:
    """Whether a cell only imports, defines and assigns."""
    return all(isinstance(statement, SILENT) for statement in ast.parse(source).body)


@all_of(STORED)
def test_every_code_cell_was_executed_in_order_from_one(path):
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@all_of(STORED)
def test_every_code_cell_is_clean_and_shows_something(path):
    found = {n: complaints(cell) for n, cell in enumerate(code_cells(path), 1)}
    assert not {n: what for n, what in found.items() if what}


@all_of(STORED)
def test_every_diagram_can_be_read_in_both_themes(path):
    """JupyterLab keeps the colours of a diagram when the reader changes the theme."""
    sources = ["".join(cell["source"]) for cell in load(path)["cells"]]
    diagrams = [text for s in sources for text in re.findall(r"```mermaid\n(.*?)```", s, re.S)]
    outputs = [output for cell in code_cells(path) for output in cell["outputs"]]
    shown = [output["data"] for output in outputs if "text/vnd.mermaid" in output.get("data", {})]
    diagrams += ["".join(data["text/vnd.mermaid"]) for data in shown]
    assert all(text.startswith(f"{FOR_BOTH_THEMES}\n") for text in diagrams)


@all_of([*STORED, *EXERCISES])
def test_format_metadata_and_ids_are_in_normal_form(path):
    notebook = load(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(set(cell["metadata"]) <= {"tags", "skip-reason"} for cell in notebook["cells"])


@all_of([*STORED, *EXERCISES])
def test_first_code_cell_only_imports_and_nothing_is_imported_later(path):
    cells = ["".join(cell["source"]) for cell in code_cells(path)]
    imports = (ast.Import, ast.ImportFrom)
    assert all(isinstance(s, imports) for s in ast.parse(cells[0]).body)
    while cells and all(isinstance(s, imports) for s in ast.parse(cells[0]).body):
        cells.pop(0)  # a long chapter imports in two cells
    for source in cells:
        found = [s for s in ast.walk(ast.parse(source)) if isinstance(s, imports)]
        late = [getattr(s, "module", None) == LIBRARY_LAST.get(path.stem, "") for s in found]
        assert all(late), source


@all_of([*STORED, *EXERCISES])
def test_no_cell_installs_asks_for_a_key_or_carries_one(path):
    for cell in code_cells(path):
        source = "".join(cell["source"])
        assert not re.search(r"^\s*[%!]|getpass|sk-[A-Za-z0-9]{8}", source, re.M), source


@all_of([*STORED, *EXERCISES])
def test_every_link_to_a_file_leads_somewhere(path):
    for cell in load(path)["cells"]:
        if cell["cell_type"] == "markdown":
            for target in re.findall(r"\]\(([^)#:]+)\)", "".join(cell["source"])):
                assert (path.parent / target).exists(), target


@all_of(CHAPTERS)
def test_chapter_has_the_shape_of_the_course(path):
    prose = "\n".join("".join(c["source"]) for c in load(path)["cells"] if c["cell_type"] != "code")
    assert prose.startswith(f"# {path.name[:2]} ")
    for part in ("What you'll build", "What you'll learn", "What you'll need", "Break it", "Recap"):
        assert part in prose, part
    assert "**Next**" in prose and "**Exercises**" in prose
    # Three of the cells are the quiz.
    assert len(load(path)["cells"]) <= (73 if path.name.startswith(LONG) else 51)


@all_of([path for path in STORED if path.parent.name == "solutions"])
def test_every_stored_check_of_a_solution_says_right(path):
    for cell in code_cells(path):
        if ".check(" in "".join(cell["source"]):
            assert "".join(cell["outputs"][-1]["data"]["text/plain"]).startswith("Right."), cell


def test_every_chapter_with_exercises_has_both_files():
    without = ("00_start_here.ipynb", *SECOND_PAGES)
    assert {p.name for p in EXERCISES} == {p.name for p in CHAPTERS if p.name not in without}


FIRST, *OTHERS = EXERCISES


@pytest.mark.slow
@all_of([FIRST, *(pytest.param(path, marks=pytest.mark.soak) for path in OTHERS)])
def test_untouched_exercises_run_to_the_end_and_say_not_attempted(path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(json.dumps(load(path)), as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": path.parent}}).execute()
    checks = [
        cell for cell in notebook.cells if ".check(" in cell.source and cell.cell_type == "code"
    ]
    assert len(checks) >= 4
    for cell in checks:
        shown = cell.outputs[-1]["data"]["text/plain"]
        assert shown.startswith("Not attempted yet"), shown


def test_the_contract_notices_what_it_forbids():
    good = {"metadata": {}, "source": ["1 + 1"], "outputs": [{"output_type": "display_data"}]}
    error = {"output_type": "error", "ename": "ValueError", "evalue": ""}
    stderr = {"output_type": "stream", "name": "stderr", "text": "warned"}
    leak = {"output_type": "stream", "name": "stdout", "text": "/home/me/x"}
    assert complaints(good) == []
    for outputs in ([error], [stderr], [leak], []):
        assert complaints({**good, "outputs": outputs}), outputs
    tagged = {**good, "metadata": {"tags": ["raises-exception"]}}
    assert complaints(tagged)


def test_the_chapter_that_needs_a_model_server_is_known_by_its_number():
    """A pattern that finds nothing would run the chapter without its server."""
    check = runpy.run_path(str(ROOT / "tools" / "check.py"))
    served, sized = check["WITH_VLLM"]
    assert [Path(each).stem for each in (served, sized)] == [
        "15_serve_the_model_yourself",
        "16_size_it",
    ]
    assert f"--ignore={served}" in check["stages_of"]("")["notebooks"]
    assert f"--ignore={sized}" not in check["stages_of"]("")["notebooks"]
    assert {served, sized} <= set(check["stages_of"]("vllm")["chapters 15 and 16"])
