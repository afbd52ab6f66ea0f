"""The agent that chapter 03 builds by hand is the one that `course_lib.namu` holds."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from types import ModuleType

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from course_lib.evaluation import complaints
from course_lib.models import chat_model
from course_lib.namu import build_namu
from course_lib.settings import ROOT

CHAPTER = ROOT / "notebooks" / "03_build_the_agent.ipynb"
LAST_SECTION = "# Part 4"
TESTS = Path(__file__).parent
DIALOGUES = [
    json.loads(line)
    for path, step in ((TESTS / "data" / "dialogues_dev.jsonl", 1), (TESTS / "dialogues.jsonl", 4))
    for line in path.read_text(encoding="utf-8").splitlines()[::step]
]
"""All development dialogues, and every fourth of the others: each one runs on two graphs."""


def cells_before_the_last_section() -> list[dict]:
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    last = max(n for n, cell in enumerate(cells) if LAST_SECTION in "".join(cell["source"]))
    assert last > len(cells) // 2, "the last section begins too early"
    return [cell for cell in cells[:last] if cell["cell_type"] == "code"]


def run_cells() -> ModuleType:
    """Run the chapter's code up to its last section, as a learner would."""
    chapter = ModuleType("chapter_03")
    for cell in cells_before_the_last_section():
        code = compile("".join(cell["source"]), CHAPTER.name, "exec", dont_inherit=True)
        if "raises-exception" in cell["metadata"].get("tags", []):
            with pytest.raises(Exception):  # noqa: B017 - which one the stored cell shows
                exec(code, chapter.__dict__)
        else:
            exec(code, chapter.__dict__)
    return chapter


@pytest.fixture(scope="module")
def built():
    """The graph of the chapter, and the library's."""
    return run_cells().build_agent(chat_model()), build_namu()


def follow(graph, state, text):
    """Hand a message and the whole state to a graph without a checkpointer."""
    return graph.invoke({**state, "messages": [*state["messages"], HumanMessage(text)]})


def seen(state):
    """What of a state a person can notice."""
    return {
        "intent": state["intent"],
        "places": [place["id"] for place in state.get("last_recommended_places") or []],
        "excluded": state["excluded_place_ids"],
        "calls": [call["args"] for m in state["messages"] for call in getattr(m, "tool_calls", [])],
        "answer": state["messages"][-1].text,
    }


def test_both_graphs_have_the_same_nodes_and_edges(built):
    mine, library = (graph.get_graph() for graph in built)
    assert set(mine.nodes) == set(library.nodes)
    assert set(mine.edges) == set(library.edges)


def test_both_states_have_the_same_fields(built):
    mine, library = (graph.get_output_jsonschema()["properties"] for graph in built)
    assert set(mine) == set(library)


@pytest.mark.one_in(8)
@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda each: each["name"])
def test_both_graphs_say_and_remember_the_same(dialogue, built):
    mine, library = {"messages": []}, {"messages": []}
    past = []
    for turn in dialogue["turns"]:
        text = turn["user"]
        mine, library = follow(built[0], mine, text), follow(built[1], library, text)
        assert seen(mine) == seen(library), text
        assert not complaints(turn.get("expect", {}), mine, past), text
        past.append(mine.get("last_recommended_places") or [])


def test_both_graphs_go_on_after_a_tool_call_that_nobody_answered(built):
    calls = [{"name": "search_places", "args": {}, "id": i, "type": "tool_call"} for i in "ab"]
    half = [AIMessage("", tool_calls=calls), ToolMessage("[]", tool_call_id="a")]
    for history in (half[:1], half):
        state = {"messages": [HumanMessage("a cafe"), *history]}
        first, second = (seen(follow(graph, state, "hello")) for graph in built)
        assert first == second
        assert first["answer"].startswith("Hello")


def test_the_chapter_imports_the_library_only_in_its_last_section():
    for cell in cells_before_the_last_section():
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else []
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            assert not [name for name in [*modules, *names] if "namu" in str(name)]
    source = CHAPTER.read_text(encoding="utf-8")
    assert "from course_lib.namu import build_namu" in source
