"""Namu and the earlier chapters, on the tiny model behind a real server."""

import json

import nbformat
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from nbclient import NotebookClient

from course_lib.chat import ChatController, Transcript
from course_lib.evaluation import complaints
from course_lib.models import offered_models
from course_lib.namu import book_place, build_namu
from course_lib.settings import ROOT

CHAPTERS = [
    *sorted((ROOT / "notebooks").glob("0[1-7]_*.ipynb")),
    *(ROOT / "notebooks").glob("20_*.ipynb"),  # without memory and guides: the model knows neither
]
RAISES = "raises-exception"


def dialogues():
    """One in six of the dialogues that the offline model is tested on; all of them take minutes."""
    lines = (ROOT / "tests" / "dialogues.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[::6]]


def test_namu_understands_most_of_what_people_say(served):
    graph, good, total = build_namu(checkpointer=InMemorySaver()), 0, 0
    for dialogue in dialogues():
        config, past = {"configurable": {"thread_id": dialogue["name"]}}, []
        for turn in dialogue["turns"]:
            state = graph.invoke({"messages": [("user", turn["user"])]}, config)
            good += not complaints(turn.get("expect", {}), state, past)
            past.append([dict(p) for p in state.get("last_recommended_places") or []])
            total += 1
    print(f"the tiny model: {good} of {total} turns of tests/dialogues.jsonl ({good / total:.0%})")
    assert good / total > 0.75


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_to_its_end_on_it(path, served):
    """Lax: what it shows may differ. A cell that is to raise may, on this model, not raise."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    raised = [
        c for c in notebook.cells if any(o.output_type == "error" for o in c.get("outputs", ()))
    ]
    assert all(RAISES in cell.metadata.get("tags", ()) for cell in raised)


async def test_the_studio_lists_what_vllm_has_and_can_turn_to_the_offline_model(served):
    offered = offered_models()
    assert offered.names == ("namu-tiny", "namu-offline") and offered.notice == ""
    transcript = Transcript()
    graph = build_namu(
        model=offered.switch(),
        checkpointer=InMemorySaver(),
        tools=[book_place],
        context_schema=dict,
    )
    chat = ChatController(graph, on_event=transcript.handle)
    for name in offered.names:
        chat.context = {"model": name}
        await chat.send("a cafe in Mapo")
        assert transcript.model == name
        work = [entry["summary"] for entry in transcript.entries if entry["kind"] == "work"][-1]
        assert "tokens" in work and "unknown" not in work and "at least" not in work
