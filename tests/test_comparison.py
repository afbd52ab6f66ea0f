"""CI compares what each cell shows with what is stored: these tests check the checker."""

import json
import subprocess
import sys

import pytest

from course_lib.settings import ROOT

pytestmark = pytest.mark.slow


def compare(path):
    """Run nbval as `make test` does and return its exit status and words."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from check import NBVAL
    finally:
        sys.path.remove(str(ROOT / "tools"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path), *NBVAL],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.fixture
def chapter(tmp_path):
    """A copy of a chapter's first cells, as parsed JSON, and where to write it."""
    notebook = json.loads((ROOT / "notebooks/01_build_a_state_graph.ipynb").read_text("utf-8"))
    notebook["cells"] = notebook["cells"][:10]
    return notebook, tmp_path / "chapter.ipynb"


@pytest.mark.soak
def test_the_stored_chapter_passes(chapter):
    notebook, path = chapter
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert compare(path)[0] == 0


@pytest.mark.soak
@pytest.mark.parametrize(
    ("mime", "right", "wrong"),
    [
        ("text/plain", "add_a", "add_X"),
        pytest.param("text/html", "add_a", "add_X", marks=pytest.mark.soak),
        pytest.param("text/vnd.mermaid", "START", "STXRT", marks=pytest.mark.soak),
    ],
)
def test_one_wrong_character_in_a_stored_output_fails_the_run(chapter, mime, right, wrong):
    notebook, path = chapter
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", [])]
    stored = [o["data"] for o in outputs if right in "".join(o.get("data", {}).get(mime, ""))]
    assert stored, f"no stored {mime} holds {right}"
    stored[0][mime] = "".join(stored[0][mime]).replace(right, wrong, 1)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    status, words = compare(path)
    assert status == 1 and wrong in words


@pytest.mark.soak
def test_an_error_that_no_longer_comes_fails_the_run(chapter):
    notebook, path = chapter
    cell = next(c for c in notebook["cells"] if c["cell_type"] == "code")
    cell["source"] += ["\n1 / 0"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert compare(path)[0] == 1
