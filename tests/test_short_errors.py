"""An error in a notebook shows the reader's lines and the message; the rest is folded away."""

import importlib.util
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from course_lib.settings import ROOT

GRAPH = """from langgraph.graph import START, MessagesState, StateGraph
from course_lib.places import load_places
def careless(state):
    return state["txt"]
builder = StateGraph(MessagesState)
builder.add_node(careless)
builder.add_edge(START, "careless")
graph = builder.compile()
"""


@pytest.fixture(scope="module")
def outputs():
    """What the cells of one notebook show, by their source."""
    cells = [
        GRAPH,
        'graph.invoke({"messages": []})',
        "1 / 0",
        "int('<b>x</b>')",
        "def f(n):\n    return f(n - 1) if n else 1 / 0\nf(9)",
        "await graph.ainvoke({'messages': []})",
        "def f(:",
        "'still here'",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=60, allow_errors=True).execute()
    return {cell.source: cell.outputs for cell in notebook.cells}


def test_an_error_in_a_node_shows_the_cell_the_node_and_the_message(outputs):
    for source in ('graph.invoke({"messages": []})', "await graph.ainvoke({'messages': []})"):
        error, folded = outputs[source]
        text = "\n".join(error.traceback).splitlines()
        assert text[1] == f"    {source}" and text[0].startswith("Cell In[")
        assert text[2].endswith("line 4, in careless")
        assert text[3:] == ['    return state["txt"]', "KeyError: 'txt'"]
        html = folded.data["text/html"]
        assert html.startswith("<details") and "site-packages" in html and "\x1b" not in html
        assert "site-packages" not in "\n".join(error.traceback)


def test_the_innermost_lines_of_many_are_shown(outputs):
    error, _ = outputs["def f(n):\n    return f(n - 1) if n else 1 / 0\nf(9)"]
    assert len("\n".join(error.traceback).splitlines()) == 5
    assert error.ename == "ZeroDivisionError"


def test_what_an_error_says_is_text_on_the_page(outputs):
    error, folded = outputs["int('<b>x</b>')"]
    assert "<b>" not in folded.data["text/html"] and "&lt;b&gt;" in folded.data["text/html"]
    assert error.traceback[-1].startswith("ValueError: ")


def test_a_syntax_error_is_shown_as_ever_and_the_kernel_goes_on(outputs):
    assert [o.output_type for o in outputs["def f(:"]] == ["error"]
    assert outputs["'still here'"][0].data["text/plain"] == "'still here'"


def test_what_is_stored_holds_the_readers_lines_and_no_path(outputs):
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "tools/notebooks.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    cell = nbformat.v4.new_code_cell("1 / 0", outputs=outputs["1 / 0"])
    made = nbformat.v4.new_notebook(cells=[cell])
    tool.normalise(made)
    error, folded = made.cells[0].outputs
    assert error.traceback == [
        "Cell In[3], line 1\n    1 / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert "site-packages" not in folded.data["text/html"]


def test_outside_of_a_notebook_nothing_is_set_up():
    code = "import sys, course_lib; print(*({'course_lib.display', 'IPython'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "")
