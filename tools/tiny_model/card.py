"""The model card of namu-tiny, written from what its training and its evaluation have stored."""

from __future__ import annotations

import json
from pathlib import Path

CARD = """---
license: cc0-1.0
language: [en, ko]
library_name: transformers
pipeline_tag: text-generation
---
# namu-tiny

A Llama of {parameters:,} parameters that knows one job: to be Namu, the course's guide to places
in Seoul. It reads a conversation in Korean or English, calls `search_places` or `book_place` (in
the form that vLLM's parser `hermes` reads), and writes short answers from what they return.
Chapter 15 serves it with vLLM. It is a teaching model: small enough to train on a laptop and to
lie in a repository, and a real load for a real server.

## How it was made

From random numbers, by `make train`, on dialogues that `tools/tiny_model/dialogues.py` composes
from the phrasings, the words for districts and the places beside it. Nothing in them was written by
another model.

| | |
|---|---|
| layers, width, heads, key-value heads | {layers}, {hidden}, {heads}, {kv_heads} |
| vocabulary | {vocabulary:,} (byte-level BPE, learned on the same dialogues) |
| steps, dialogues a step | {steps:,}, {batch} |
| tokens seen | {tokens:.1f} million |
| time | {minutes:.0f} minutes on two shared CPU cores |
| last loss | {loss} |

`training.json` holds the whole recipe and the loss curve. {note}

The loss falls in five stretches, because the learning rate was raised again four times. At the
first of these the form of the prompts changed too, and from there on the loss counts only what the
model has to say itself. At the third the dialogues got harder: more wishes at once.

## What it does

Measured by `make evaluate` on {count} dialogues a test and language, decoded greedily. A call is
right when its name and every argument are (moods in any order); names are counted one by one.
*Unseen combinations* of category and district, *unseen phrasings* and one in ten of the places'
names were kept out of the training. In the training about one wish in six has words that mean
nothing there, and four in ten dialogues are drills: more wishes at once than people have. In the
tests neither comes.

| test | English | Korean | bar |
|---|---|---|---|
{rows}

{met} of {bars} bars are met.

## What it does not do

Know anything else. It has no general language, no arithmetic and no facts but those it is handed;
outside its job it says that it only knows Seoul, or talks nonsense. Its chat template leaves out
the system prompt and the tools' schemas, and keeps only the last search before the last message:
instructions do not reach it. Long and unusual sentences are misread, typing errors too (the table
has a row for them). Names it is given are copied, and now and then miscopied.

Licence: CC0 1.0, like the data it was trained on.
"""


def write_card(folder: Path) -> None:
    """Write `README.md` beside a model's `training.json` and `evaluation.json`.

    Args:
        folder: the model's.
    """
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, str]] = {}
    for row in evaluation:
        cells = found.setdefault(row["test"], {"bar": f"{row['bar']:.0%}" if row["bar"] else ""})
        cells[row["language"]] = f"{row['right'] / row['total']:.1%}"
    rows = [f"| {test} | {c['en']} | {c['ko']} | {c['bar']} |" for test, c in found.items()]
    recipe = training["recipe"]
    met = [row["right"] / row["total"] >= row["bar"] for row in evaluation if row["bar"]]
    text = CARD.format(
        **{name: recipe[name] for name in ("layers", "hidden", "heads", "kv_heads", "batch")},
        vocabulary=recipe["vocabulary"],
        parameters=training["parameters"],
        steps=training["steps"],
        tokens=training["tokens"] / 1e6,
        minutes=training["minutes"],
        loss=training["loss"][-1][1],
        count=min(row["total"] for row in evaluation),
        rows="\n".join(rows),
        note=training.get("note", ""),
        met=sum(met),
        bars=len(met),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
