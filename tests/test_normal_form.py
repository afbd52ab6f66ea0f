"""The normal form of a notebook from anywhere: the same each time, with all that is shown."""

import copy
import importlib.util
import json
import os

import nbformat
import pytest

from course_lib.settings import ROOT

SPEC = importlib.util.spec_from_file_location("notebooks", ROOT / "tools/notebooks.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

R = {
    "kernelspec": {"name": "ir", "display_name": "R", "language": "R"},
    "language_info": {"name": "R", "file_extension": ".r", "version": "4.3.1"},
}


def cell_of(kind, source="x", **more):
    outputs = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **outputs, **more}


def notebook(*cells, minor=4, **metadata):
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": list(cells)}


def normal(stored, tmp_path):
    """The text that a notebook is stored as, once the text of that is the same again."""
    path = tmp_path / "a.ipynb"
    text = stored if isinstance(stored, str) else json.dumps(stored)
    for _ in range(2):
        path.write_text(text, encoding="utf-8")
        made = tool.read(path)
        tool.normalise(made)
        before, text = text, nbformat.writes(made) + "\n"
    assert text == before
    nbformat.validate(json.loads(text))
    return json.loads(text)


UNKNOWN = {"kernelspec": {"name": "not-installed", "display_name": "R", "language": "R"}}
ONE, TWO = cell_of("markdown", "one"), cell_of("markdown", "two")


@pytest.mark.parametrize("minor", range(6))
@pytest.mark.parametrize(
    "cells",
    [
        (ONE, TWO, cell_of("code", "one")),
        (ONE, ONE, ONE),
        ({**ONE, "id": "a"}, {**TWO, "id": "a"}, {**TWO, "id": "a"}),
        ({**ONE, "id": "not an id"}, {**TWO, "id": ""}, {**TWO, "id": None}),
    ],
)
def test_the_ids_of_two_runs_are_the_same(cells, minor, tmp_path):
    stored = notebook(*cells, minor=minor)
    first, second = normal(copy.deepcopy(stored), tmp_path), normal(stored, tmp_path)
    assert first == second
    assert len({cell["id"] for cell in first["cells"]}) == len(cells)


def test_an_id_of_its_own_is_kept_and_is_given_to_no_other_cell(tmp_path):
    [drawn] = normal(notebook(ONE), tmp_path)["cells"]
    made = normal(notebook(ONE, {**TWO, "id": drawn["id"]}, {**TWO, "id": "mine"}), tmp_path)
    assert [cell["id"] for cell in made["cells"]] == [f"{drawn['id']}-2", drawn["id"], "mine"]


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        (R, {**R, "language_info": {"name": "R", "file_extension": ".r"}}),
        ({"kernelspec": {"name": "julia-1.10", "display_name": "Julia 1.10"}}, None),
        ({"kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"}}, None),
        ({"language_info": {"name": "javascript"}}, None),
    ],
)
def test_a_kernel_of_another_language_is_kept(metadata, kept, tmp_path):
    assert normal(notebook(ONE, **metadata), tmp_path)["metadata"] == (kept or metadata)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "my-env", "display_name": "Mine", "language": "python"}},
        {"kernelspec": {"name": "python3.12", "display_name": "Mine"}},
        {"kernelspec": None, "language_info": {"name": "python", "version": "3.9.1"}},
        {"kernelspec": {"name": "e", "display_name": "E"}, "language_info": {"name": "ipython"}},
    ],
)
def test_every_python_becomes_the_course_s_own(metadata, tmp_path):
    made = normal(notebook(ONE, **metadata), tmp_path)["metadata"]
    assert made == {"kernelspec": tool.KERNEL, "language_info": {"name": "python"}}


def test_an_output_keeps_how_it_is_shown_and_no_noise(tmp_path):
    shown = {
        "image/png": {"width": 300, "height": 200},
        "needs_background": "light",
        "isolated": True,
    }
    noise = {"papermill": {"duration": 1.5}, "image/jpeg": {"width": 1}, "scrapbook": {}}
    data = {"image/png": "AAAA", "text/html": ["<b>a</b>\n", "b"], "application/json": [1]}
    outputs = [
        {"output_type": kind, "data": data, "metadata": {**shown, **noise}, **more}
        for kind, more in (("display_data", {}), ("execute_result", {"execution_count": 1}))
    ]
    [cell] = normal(notebook(cell_of("code", outputs=outputs)), tmp_path)["cells"]
    assert [output["metadata"] for output in cell["outputs"]] == [shown, shown]
    assert cell["outputs"][0]["data"] == data


@pytest.mark.parametrize("metadata", [{"format": "text/latex"}, {"raw_mimetype": "text/html"}])
def test_a_raw_cell_keeps_what_it_is_written_for(metadata, tmp_path):
    noise = {"papermill": {"duration": 1.5}}
    [cell] = normal(notebook(cell_of("raw", metadata={**metadata, **noise})), tmp_path)["cells"]
    assert cell["metadata"] == metadata


@pytest.mark.parametrize("name", ["outputs", "execution_count", "metadata", "source"])
@pytest.mark.parametrize("value", [None, ...])
def test_what_a_cell_leaves_out_is_empty(name, value, tmp_path):
    cell = {**cell_of("code"), name: value}
    if value is ...:
        del cell[name]
    [made] = normal(notebook(cell, minor=5), tmp_path)["cells"]
    assert (made["outputs"], made["execution_count"], made["metadata"]) == ([], None, {})


def test_texts_in_lines_and_outputs_without_all_their_parts_are_read(tmp_path):
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
        {"output_type": "stream", "name": "stdout", "text": "c"},
        {"output_type": "display_data", "data": {"text/plain": "d"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "e"},
    ]
    [cell] = normal(notebook(cell_of("code", ["x\n", "y"], outputs=outputs)), tmp_path)["cells"]
    assert cell["source"] == ["x\n", "y"]
    stream, shown, error = cell["outputs"]
    assert stream["text"] == ["a\n", "bc"] and shown["metadata"] == {}
    assert error["traceback"] == ["ValueError: e"]


def test_a_view_of_a_widget_and_the_paths_of_a_traceback_are_left_out(tmp_path):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "Chat()"}
    lines = ["Cell In[1], line 1", "File /home/ann/x.py:3, in f", "ValueError: e"]
    outputs = [
        {"output_type": "display_data", "data": view, "metadata": {}},
        {"output_type": "error", "ename": "ValueError", "evalue": "e", "traceback": lines},
    ]
    stored = notebook(cell_of("code", outputs=outputs, execution_count=1))
    shown, error = normal(stored, tmp_path)["cells"][0]["outputs"]
    assert shown["data"] == {"text/plain": ["Chat()"]}
    assert error["traceback"] == ["ValueError: e"]


def test_a_notebook_of_the_old_format_is_converted_the_same_each_time(tmp_path):
    code = {"cell_type": "code", "input": "1 + 1", "outputs": [], "language": "python"}
    cells = [{"cell_type": "heading", "level": 1, "source": "A", "metadata": {}}, code, code]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    first, second = normal(copy.deepcopy(old), tmp_path), normal(old, tmp_path)
    assert first == second and len(first["cells"]) == 3


def test_a_notebook_of_the_old_format_may_keep_its_texts_in_lines(tmp_path):
    outputs = [
        {"output_type": "stream", "stream": "stdout", "text": ["a\n", "b"]},
        {"output_type": "pyout", "text": ["5"], "prompt_number": 1, "metadata": {}},
    ]
    code = {"cell_type": "code", "language": "python", "metadata": {}, "outputs": outputs}
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["A"], "metadata": {}},
        {"cell_type": "markdown", "source": ["a\n", "b"], "metadata": {}},
        {**code, "input": ["x\n", "y"], "prompt_number": 1},
    ]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    heading, text, code = normal(old, tmp_path)["cells"]
    assert heading["source"] == ["## A"] and text["source"] == ["a\n", "b"]
    assert code["source"] == ["x\n", "y"]
    stream, result = code["outputs"]
    assert stream["text"] == ["a\n", "b"] and result["data"] == {"text/plain": ["5"]}


def outputs_of(*outputs):
    return notebook(cell_of("markdown"), cell_of("code", outputs=list(outputs)))


STREAM = {"output_type": "stream", "name": "stdout", "text": "a"}
MALFORMED = {
    "stream without a name": (
        outputs_of(STREAM, {"output_type": "stream", "text": "b"}),
        "Cell 2 .* outputs.2: 'name'",
    ),
    "error without a name": (outputs_of({"output_type": "error"}), "Cell 2 .* outputs.1: 'ename'"),
    "error without a text": (
        outputs_of({"output_type": "error", "ename": "E", "evalue": None}),
        "Cell 2 .* outputs.1.evalue",
    ),
    "traceback of another kind": (
        outputs_of({"output_type": "error", "ename": "E", "evalue": "v", "traceback": "Cell In["}),
        "Cell 2 .* outputs.1.traceback",
    ),
    "output of no kind": (outputs_of({"data": {}}), "Cell 2 .* outputs.1"),
    "output that is none": (outputs_of("text"), "Cell 2 .* outputs.1"),
    "outputs that are no list": (notebook(cell_of("code", outputs={"a": 1})), "Cell 1 .* outputs"),
    "data of null": (
        outputs_of({"output_type": "display_data", "data": {"text/html": None}}),
        "Cell 2 .* outputs.1.data.text/html",
    ),
    "data of another kind": (
        outputs_of({"output_type": "display_data", "data": "text"}),
        "Cell 2 .* outputs.1.data",
    ),
    "metadata of an output": (
        outputs_of({"output_type": "display_data", "data": {}, "metadata": "text"}),
        "Cell 2 .* outputs.1.metadata",
    ),
    "metadata of a cell": (notebook(cell_of("raw", metadata="a")), "Cell 1 .* metadata"),
    "tags of null": (notebook(cell_of("raw", metadata={"tags": None})), "Cell 1 .* metadata.tags"),
    "source of numbers": (notebook(cell_of("code", ["a", 1])), "Cell 1 .* source"),
    "kernel of text": (notebook(kernelspec="python3"), "The notebook .* metadata.kernelspec"),
    "kernel without a name": (notebook(kernelspec={"language": "R"}), "metadata.kernelspec: 'name"),
    "language of a list": (notebook(language_info=["R"]), "metadata.language_info"),
    "metadata of a list": ({**notebook(), "metadata": ["a"]}, "The notebook .* metadata"),
}


@pytest.mark.parametrize(("stored", "told"), MALFORMED.values(), ids=MALFORMED)
def test_what_the_format_does_not_allow_is_refused_by_its_place(stored, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        normal(stored, tmp_path)


def test_what_other_tools_write_too_much_or_leave_empty_is_left_out(tmp_path):
    shown = {"output_type": "display_data", "metadata": None}
    outputs = [
        {**shown, "data": None},
        {**shown, "data": {"text/plain": "x"}, "transient": {"display_id": "1"}},
    ]
    text = {**cell_of("markdown"), "outputs": [], "execution_count": None}
    cells = normal(notebook(text, cell_of("code", outputs=outputs)), tmp_path)["cells"]
    assert cells[0].keys().isdisjoint({"outputs", "execution_count"})
    plain = {"output_type": "display_data", "metadata": {}}
    assert cells[1]["outputs"] == [
        {**plain, "data": {}},
        {**plain, "data": {"text/plain": ["x"]}},
    ]


@pytest.mark.parametrize(
    "stored",
    ["", "[]", "null", "{}", '{"cells": {}}', '{"cells": [{}]}', '{"nbformat": 5, "cells": []}'],
)
def test_what_is_no_notebook_is_refused_by_its_name(stored, tmp_path):
    path = tmp_path / "01_a.ipynb"
    path.write_text(stored)
    with pytest.raises(ValueError, match="01_a"):
        tool.read(path)


@pytest.mark.parametrize("stored", ["{", json.dumps(notebook(cell_of("code"), **UNKNOWN))])
def test_a_notebook_that_cannot_be_run_is_not_stored_and_is_counted(
    stored, tmp_path, monkeypatch, capsys
):
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "01_a.ipynb"
    path.write_text(stored)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    assert tool._store([]) == 1
    assert "notebooks/01_a.ipynb: not stored" in capsys.readouterr().out
    assert path.read_text() == stored


def test_a_notebook_is_run_without_the_models_that_a_person_serves(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01.ipynb").write_text(json.dumps(notebook(ONE)))
    for kind in ("LLM", "EMBEDDING"):
        for name in ("BASE_URL", "MODEL", "API_KEY"):
            monkeypatch.setenv(f"COURSE_{kind}_{name}", "mine")
    seen = []
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "execute", lambda *_: seen.extend(os.environ.values()))
    assert tool._store([]) == 0
    assert seen and "mine" not in seen


def test_a_notebook_that_is_malformed_does_not_keep_the_others_from_being_run(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "notebooks").mkdir()
    stored = {f"0{n}.ipynb": wrong for n, (wrong, _) in enumerate(MALFORMED.values())}
    half = "\ud83d"  # of an emoji, which no file in UTF-8 can hold
    stored |= {"half.ipynb": notebook(cell_of("markdown", half)), "last.ipynb": notebook(ONE)}
    for name, wrong in stored.items():
        (tmp_path / "notebooks" / name).write_text(json.dumps(wrong))
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "execute", lambda *_: None)
    assert tool._store([]) == len(stored) - 1
    assert "notebooks/last.ipynb: stored" in capsys.readouterr().out
    for name, wrong in list(stored.items())[:-1]:
        assert (tmp_path / "notebooks" / name).read_text() == json.dumps(wrong)


@pytest.mark.parametrize("folder", ["notebooks", "solutions"])
def test_the_course_s_own_notebooks_are_in_normal_form(folder):
    for path in sorted((ROOT / folder).glob("*.ipynb")):
        made = tool.read(path)
        tool.normalise(made)
        assert nbformat.writes(made) + "\n" == path.read_text(encoding="utf-8"), path.name
