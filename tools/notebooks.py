"""Run notebooks and store them in normal form: executed, in order, without execution noise.

    python tools/notebooks.py            all of notebooks/ and solutions/
    python tools/notebooks.py 01         only those whose name begins with 01

Normal form: stable metadata, ids kept, tracebacks cut to the lines in cells (the rest holds paths
of the machine), text streams joined, widget views and timings left out.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = '<details class="course-traceback">'
IN_ITS_PLACE = "<summary>Full traceback</summary>Run the cell to read it."
CELL_SECONDS = 300
KEPT_METADATA = ("tags", "skip-reason", "nbgrader")
"""What a cell keeps of its metadata; a Markdown cell keeps its attachments too: pictures."""


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run every cell in a fresh kernel, the way the learner's JupyterLab would."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Bring an executed notebook into normal form."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        kept = {k: v for k, v in cell.metadata.items() if k in KEPT_METADATA}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type != "code":
            continue
        cell.outputs = _joined([_plain(output) for output in cell.outputs])


def _plain(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if output.output_type == "error":
        last_line = f"{output.ename}: {output.evalue}"
        own = all(line.startswith("Cell In[") for line in output.traceback[:-1])
        output.traceback = [*output.traceback[:-1], last_line] if own else [last_line]
    if output.output_type in ("display_data", "execute_result"):
        output.metadata = nbformat.from_dict({})
        output.data.pop(WIDGET, None)
        if output.data.get("text/html", "").startswith(FOLDED):
            output.data["text/html"] = f"{FOLDED}{IN_ITS_PLACE}</details>"
    return output


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        same = joined and output.output_type == "stream" == joined[-1].output_type
        if same and output.name == joined[-1].name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def main(names: list[str]) -> int:
    """Run and store the notebooks asked for; return how many failed."""
    with tempfile.TemporaryDirectory(prefix="course-") as home:
        os.environ.update(COURSE_HOME=home, LANGSMITH_TRACING="false")
        return _store(names)


def _store(names: list[str]) -> int:
    failed = found = 0
    for variable in ("COURSE_LLM_BASE_URL", "COURSE_LLM_MODEL", "COURSE_LLM_API_KEY"):
        os.environ.pop(variable, None)
    for folder in ("notebooks", "solutions"):
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            if names and not path.name.startswith(tuple(names)):
                continue
            found += 1
            notebook = nbformat.read(path, as_version=4)
            try:
                execute(notebook, path.parent)
            except CellExecutionError as error:
                failed += 1
                print(f"{folder}/{path.name}: not stored\n{error}")
                continue
            normalise(notebook)
            before = path.read_text(encoding="utf-8")
            text = nbformat.writes(notebook) + "\n"
            path.write_text(text, encoding="utf-8")
            print(f"{folder}/{path.name}: {'unchanged' if text == before else 'stored'}")
    if not found:
        print(f"no notebook's name begins with {' or '.join(names)}")
        return 1
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 99))
