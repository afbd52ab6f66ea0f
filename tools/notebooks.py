"""Run notebooks and store them in normal form: executed, in order, without execution noise.

    python tools/notebooks.py            all of notebooks/ and solutions/
    python tools/notebooks.py 01         only those whose name begins with 01

Normal form: stable metadata, ids kept or made from the cell, tracebacks cut to the lines in cells
(the rest holds paths of the machine), text streams joined, widget views and timings left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Collection
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course_lib.settings import SERVED_MODELS

ROOT = Path(__file__).resolve().parent.parent
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"
FOLDED = '<details class="course-traceback">'
IN_ITS_PLACE = "<summary>Full traceback</summary>Run the cell to read it."
CELL_SECONDS = 300
KEPT_METADATA = ("tags", "skip-reason", "nbgrader")
"""What a cell keeps of its metadata; a Markdown cell keeps its attachments too: pictures."""
KEPT_OF_RAW = ("format", "raw_mimetype")
"""What a raw cell keeps beside them: the format that it is written for."""
KEPT_OF_OUTPUT = ("needs_background", "isolated", "width", "height", "unconfined", "expanded")
"""What an output keeps of its metadata beside those of its media types: how it is shown."""
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError)
"""What reading a file that is no notebook raises."""
NOT_STORED = (CellExecutionError, CellTimeoutError, DeadKernelError, NoSuchKernel, ValueError)
"""After these errors the other notebooks are run all the same."""
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook as it is stored; nbformat's own reader gives cells without an id any id.

    Raises:
        ValueError: it is no notebook.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        stored = json.loads(text)
        if stored.get("nbformat", 4) < 4:
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            for cell in notebook.cells:
                cell.pop("id", None)  # the conversion draws it
            return notebook
        if not isinstance(stored["cells"], list):
            raise TypeError("its cells are no list")
        kinds = [cell["cell_type"] for cell in stored["cells"]]
    except UNREADABLE as error:
        reason = str(error) if isinstance(error, nbformat.ValidationError) else repr(error)
        raise ValueError(f"{path.name} is no notebook ({reason}). Restore it from git.") from error
    if stored.get("nbformat", 4) > 4 or not {"code", "markdown", "raw"}.issuperset(kinds):
        raise ValueError(
            f"{path.name} has format {stored.get('nbformat')} and cells of {sorted(set(kinds))}. "
            "Open it in JupyterLab and save it again."
        )
    return nbformat.from_dict(stored)


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run every cell in a fresh kernel, the way the learner's JupyterLab would."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name=(notebook.metadata.get("kernelspec") or notebook.metadata.language_info).name,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Bring an executed notebook into normal form; one that is in it stays as it is.

    Raises:
        ValueError: a part of it is none that the format allows; the text names the cell.
    """
    notebook.metadata = nbformat.from_dict(_kernel_of(notebook.get("metadata") or {}))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        names = (*KEPT_METADATA, *(KEPT_OF_RAW if cell.cell_type == "raw" else ()))
        cell.metadata = _kept(cell.get("metadata"), names)
        cell.source = _text(cell.get("source"))
        if cell.cell_type != "code":
            for name in ("outputs", "execution_count"):
                if not cell.get(name):  # what some tools write into every cell
                    cell.pop(name, None)
            continue
        cell.setdefault("execution_count", None)
        cell.outputs = _joined([_plain(output) for output in cell.get("outputs") or []])
    _check(notebook)
    _set_ids(notebook.cells)


def _check(notebook: nbformat.NotebookNode) -> None:
    """Refuse what the format does not allow. What it does not allow was left as it is until here.

    Ids are made after this, because they are made from what is in a cell.
    """
    checked = nbformat.from_dict({**notebook, "cells": [*map(_with_any_id, notebook.cells)]})
    error = next(nbformat.validator.iter_validate(checked), None)
    if error is None:
        return
    error = nbformat.validator.better_validation_error(error, 4, 5)
    place = [*error.absolute_path]
    in_cell = place[:1] == ["cells"] and len(place) > 1
    names = place[2:] if in_cell else place
    field = ".".join(str(name + 1) if isinstance(name, int) else name for name in names)
    raise ValueError(
        f"{f'Cell {place[1] + 1}' if in_cell else 'The notebook'} is not as the format wants it"
        f"{f', in {field}' if field else ''}: {textwrap.shorten(error.message, 200)}. "
        "Correct it in JupyterLab, or restore the file from git."
    )


def _kernel_of(metadata: Any) -> Any:
    """Return which kernel runs a notebook: the course's own, or one of another language."""
    if not isinstance(metadata, dict):
        return metadata
    kernel, language = (metadata.get(name) or {} for name in ("kernelspec", "language_info"))
    if not isinstance(kernel, dict) or not isinstance(language, dict):
        return metadata
    # Without a language the kernel's name decides; a notebook that names no kernel is in Python.
    known = kernel.get("language") or language.get("name") or kernel.get("name") or "python"
    if "python" in str(known).lower():
        return {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    shown = {name: value for name, value in language.items() if name != "version"}
    kept = {"kernelspec": kernel, "language_info": shown}
    return {name: part for name, part in kept.items() if part}


def _with_any_id(cell: nbformat.NotebookNode) -> dict[str, Any]:
    return {**cell, "id": "any"}


def _set_ids(cells: list[nbformat.NotebookNode]) -> None:
    """Give each cell without an id of its own one that is made from what is in the cell."""
    taken = {cell.id for cell in cells if _is_id(cell.get("id"))}
    seen: set[str] = set()
    for cell in cells:
        if not _is_id(cell.get("id")) or cell.id in seen:
            content = hashlib.sha256(
                f"{cell.cell_type}\n{cell.source}".encode(errors="replace")
            ).hexdigest()[:8]
            free = (f"{content}-{number}" if number > 1 else content for number in range(1, 10**6))
            cell.id = next(made for made in free if made not in taken)
            taken.add(cell.id)
        seen.add(cell.id)


def _is_id(found: Any) -> bool:
    return isinstance(found, str) and bool(CELL_ID.fullmatch(found))


def _plain(output: Any) -> Any:
    kind = output.get("output_type") if isinstance(output, dict) else None
    if kind == "stream":
        output.text = _text(output.get("text"))
    if kind == "error":
        traceback = output.get("traceback") or []
        if isinstance(traceback, list) and all(isinstance(line, str) for line in traceback):
            last_line = f"{output.get('ename')}: {output.get('evalue')}"
            own = all(line.startswith("Cell In[") for line in traceback[:-1])
            output.traceback = [*traceback[:-1], last_line] if own else [last_line]
    if kind in ("display_data", "execute_result"):
        output.pop("transient", None)
        output.data = data = output.get("data") or nbformat.from_dict({})
        if isinstance(data, dict):
            data.pop(WIDGET, None)
            for media_type, value in data.items():
                if isinstance(value, list) and not media_type.endswith("json"):
                    data[media_type] = _text(value)
            if str(data.get("text/html")).startswith(FOLDED):
                data["text/html"] = f"{FOLDED}{IN_ITS_PLACE}</details>"
        output.metadata = _kept(output.get("metadata"), {*KEPT_OF_OUTPUT, *data})
    return output


def _kept(metadata: Any, names: Collection[str]) -> Any:
    """Return the metadata of these names; what is no metadata as it is."""
    if metadata and not isinstance(metadata, dict):
        return metadata
    return nbformat.from_dict({k: v for k, v in (metadata or {}).items() if k in names})


def _text(stored: Any) -> Any:
    """Return a text that may be stored as its lines; what is no text as it is."""
    lines = stored or ""
    is_text = isinstance(lines, list) and all(isinstance(line, str) for line in lines)
    return "".join(lines) if is_text else lines


def _joined(outputs: list[Any]) -> list[Any]:
    joined: list[Any] = []
    for output in outputs:
        if joined and _stream(output) and _stream(output) == _stream(joined[-1]):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _stream(output: Any) -> Any:
    """The name of the stream that an output of text came from; None for other outputs."""
    is_stream = isinstance(output, dict) and output.get("output_type") == "stream"
    return output.get("name") if is_stream and isinstance(output.text, str) else None


def main(names: list[str]) -> int:
    """Run and store the notebooks asked for; return how many failed."""
    with tempfile.TemporaryDirectory(prefix="course-") as home:
        os.environ.update(COURSE_HOME=home, LANGSMITH_TRACING="false")
        return _store(names)


def _store(names: list[str]) -> int:
    failed = found = 0
    for variable in [name for name in os.environ if name.startswith(SERVED_MODELS)]:
        os.environ.pop(variable)
    for folder in ("notebooks", "solutions"):
        for path in sorted((ROOT / folder).glob("*.ipynb")):
            if names and not path.name.startswith(tuple(names)):
                continue
            found += 1
            try:
                notebook = read(path)
                normalise(notebook)
                execute(notebook, path.parent)
                normalise(notebook)
                text = (nbformat.writes(notebook) + "\n").encode()
            except NOT_STORED as error:
                failed += 1
                print(f"{folder}/{path.name}: not stored\n{error}")
                continue
            before = path.read_bytes()
            path.write_bytes(text)
            print(f"{folder}/{path.name}: {'unchanged' if text == before else 'stored'}")
    if not found:
        print(f"no notebook's name begins with {' or '.join(names)}")
        return 1
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 99))
