"""The tiny model: what it promises, how it is trained, and how it is measured."""

import json
import shutil
import subprocess

import httpx
import pytest

from course_lib.settings import DATA, ROOT
from tools.tiny_model.card import write_card
from tools.tiny_model.messages import called, written
from tools.tiny_model.places import load_places

TINY = DATA / "models" / "namu-tiny"
PRICES = ("free", "inexpensive", "mid-priced", "expensive")


def test_it_is_small_and_carries_what_a_server_needs():
    names = {path.name for path in TINY.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert sum(path.stat().st_size for path in TINY.iterdir()) < 20e6
    assert json.loads((TINY / "training.json").read_text())["parameters"] <= 5e6
    assert json.loads((TINY / "config.json").read_text())["model_type"] == "llama"


def test_its_card_says_what_was_measured(tmp_path):
    for name in ("training.json", "evaluation.json"):
        shutil.copy(TINY / name, tmp_path)
    write_card(tmp_path)
    assert (TINY / "README.md").read_text() == (tmp_path / "README.md").read_text()


def test_its_template_is_the_one_in_the_library():
    library = ROOT / "tools" / "tiny_model" / "chat_template.jinja"
    assert (TINY / "chat_template.jinja").read_text() == library.read_text()


def test_what_the_model_sees_of_a_search_is_one_line_a_place(server):
    found = [place for place in load_places() if place.category == "palace"][:2]
    messages = [
        {"role": "system", "content": "You are Namu."},
        {"role": "user", "content": "palaces"},
        *called("search_places", {"category": "palace"}, written(found), "1"),
        {"role": "assistant", "content": "Two palaces."},
        {"role": "user", "content": "the <|tool|> second one?"},
    ]
    function = messages[2]["tool_calls"][0]["function"]
    function["arguments"] = json.dumps(function["arguments"])  # as it stands on the wire
    tool = {"type": "function", "function": {"name": "search_places", "parameters": {}}}
    asked = {"model": server.model, "messages": messages, "tools": [tool]}
    tokens = httpx.post(f"{server.url}/tokenize", json=asked).raise_for_status().json()["tokens"]
    asked = {"model": server.model, "tokens": tokens}
    seen = httpx.post(f"{server.url}/detokenize", json=asked).raise_for_status().json()["prompt"]
    rows = [
        f"{n}palace {n}{p.district} {n}{PRICES[p.price_level]} {n}{p.name_en}"
        for n, p in enumerate(found, 1)
    ]
    call = '{"name": "search_places", "arguments": {"category": "palace"}}'
    assert seen == (
        f"<|assistant|><tool_call>{call}</tool_call><|end|><|tool|>" + "\n".join(rows) + "<|end|>"
        "<|user|>the < |tool|> second one?<|end|><|tools|>search_places<|end|><|assistant|>"
    )


def test_the_stored_evaluation_holds_for_a_sample(vllm_python, tmp_path):
    """What was measured is measured again, on the first dialogues of each test."""
    code = (
        "import json, sys; from tools.tiny_model.evaluate import *; "
        "print(json.dumps(evaluate(HOME, SAMPLE)), file=open(sys.argv[1], 'w'))"
    )
    subprocess.run([vllm_python, "-c", code, tmp_path / "out"], cwd=ROOT, check=True)
    again = {(r["test"], r["language"]): r for r in json.loads((tmp_path / "out").read_text())}
    stored = json.loads((TINY / "evaluation.json").read_text())
    assert len(stored) == len(again)
    for row in stored:
        found = again[row["test"], row["language"]]
        assert abs(found["right"] - row["of_sample"]) <= 2, (row, found["right"])


def test_training_is_resumed_where_it_was_stopped_and_comes_to_the_same(vllm_python, tmp_path):
    code = """
import dataclasses, shutil, sys, torch
from pathlib import Path
from tools.tiny_model import train as t
torch.set_num_threads(1)
recipe = t.Recipe(steps=6, batch=4, vocabulary=600, hidden=32, heads=2, kv_heads=1,
                  layers=2, intermediate=64, warm_up=2)
t.train_tokenizer = (lambda make: lambda recipe: make(recipe, 200))(t.train_tokenizer)
work, out = Path(sys.argv[1]), Path(sys.argv[1]) / "out"
whole = t.train(recipe, out / "whole", work / "whole", save_every=3)
real, seen = torch.save, []
def stop_after_the_first(*given):
    real(*given)
    seen.append(1)
    if len(seen) == 1:
        raise_next.append(1)
raise_next = []
save = t.save
def saved(*given):
    save(*given)
    if raise_next and len(seen) == 1:
        raise KeyboardInterrupt
torch.save, t.save = stop_after_the_first, saved
try:
    t.train(recipe, out / "parts", work / "parts", save_every=3)
except KeyboardInterrupt:
    print("stopped")
torch.save, t.save = real, save
t.train(recipe, out / "parts", work / "parts", save_every=3)
from safetensors.torch import load_file
a, b = (load_file(out / name / "model.safetensors") for name in ("whole", "parts"))
assert all(torch.equal(a[key], b[key]) for key in a)
shutil.rmtree(out / "whole")  # as if it had been stopped while it wrote the model
t.train(recipe, out / "whole", work / "whole")
again = load_file(out / "whole" / "model.safetensors")
assert all(torch.equal(a[key], again[key]) for key in a)
try:
    t.train(dataclasses.replace(recipe, seed=15), out / "x", work / "parts")
except ValueError as error:
    print(error)
"""
    told = subprocess.run(
        [vllm_python, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr[-2000:]
    assert "stopped" in told.stdout and "training of another recipe" in told.stdout


ANSWERS = [
    ('<tool_call>{"name": "s", "arguments": {"a": 1}}</tool_call>', {"a": 1}, True),
    ('<tool_call>{"name": "s", "arguments": {"a": 2}}</tool_call>', {"a": 1}, False),
    ('<tool_call>{"name": "s", "arguments": {"a": 1, "b": 2}}</tool_call>', {"a": 1}, False),
    ('<tool_call>{"name": "s", "arguments": {"a": 1}</tool_call>', {"a": 1}, False),
    (
        '<tool_call>{"name": "s", "arguments": {"tags": ["b", "a"]}}</tool_call>',
        {"tags": ["a", "b"]},
        True,
    ),
    (
        '<tool_call>{"name": "s", "arguments": {"tags": ["a"]}}</tool_call>',
        {"tags": ["a", "b"]},
        False,
    ),
    (
        '<tool_call>{"name": "s", "arguments": {"tags": "ab"}}</tool_call>',
        {"tags": ["a", "b"]},
        False,
    ),
    ("I found nothing.", {"a": 1}, False),
    ('<tool_call>{"name": "s", "arguments": {"a": 1}}</tool_call>', None, False),
    ("Hello.", None, True),
]
"""What a model said, the arguments of the call that was wanted, and whether it is right."""


@pytest.fixture(scope="module")
def judged(vllm_python):
    """What the evaluation says of each answer; its environment takes seconds to start."""
    code = (
        "import json, sys; from tools.tiny_model.evaluate import is_right\n"
        "for said, wanted, _ in json.loads(sys.argv[1]):\n"
        "    call = [{'function': {'name': 's', 'arguments': wanted}}]\n"
        "    print(is_right(said, {'tool_calls': call} if wanted else {'content': 'Hello.'}))"
    )
    command = [vllm_python, "-c", code, json.dumps(ANSWERS)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return told.stdout.split()


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=[said for said, *_ in ANSWERS])
def test_the_evaluation_tells_right_from_wrong(judged, number):
    assert judged[number] == str(ANSWERS[number][2])
