"""Measuring namu-tiny on dialogues that its training never saw.

    make evaluate

Every answer is decoded greedily and compared as a whole: a tool call counts when its name and all
of its arguments are right, an answer when every place's name is copied letter by letter. The order
of moods in a call counts for nothing, since a search asks for all of them.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.tiny_model.card import write_card
from tools.tiny_model.dialogues import Dialogue, DialogueMaker
from tools.tiny_model.frames import Language
from tools.tiny_model.tokens import described
from tools.tiny_model.train import HOME

SAMPLE = 40
"""How many of the first dialogues are counted apart, for a test that measures them again."""
CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.S)
REFINE = ("district", "category", "mood", "price", "cheaper", "widen")
EXCLUDE = ("exclude", "exclude_one", "exclude_two", "exclude_name")
FOLLOW = ("follow", "follow_it", "book")


@dataclass(frozen=True)
class EvaluationCase:
    """One thing that is measured.

    Args:
        name: what the table calls it.
        kinds: the kinds of messages, in turn.
        task: what is asked of the model.
        options: for `DialogueMaker`: which frames, combinations and names.
        bar: the share that should be right, or None where nothing was promised.
        answers: whether the answer behind the tool's result is measured, not the call.
    """

    name: str
    kinds: Sequence[str]
    task: str
    options: dict[str, Any]
    bar: float | None
    answers: bool = False


SEEN: dict[str, Any] = {
    "frames": "seen",
    "unseen_combinations": None,
    "unseen_names": True,
    "typo_percent": 0,
    "noise_percent": 0,
    "drill": 0,
}
HELD: dict[str, Any] = {**SEEN, "frames": "held_out"}
TESTS = (
    EvaluationCase(
        "search, unseen combinations",
        ["search"],
        "agent",
        {**SEEN, "unseen_combinations": True},
        0.99,
    ),
    EvaluationCase("search, unseen phrasings", ["search"], "agent", HELD, 0.90),
    EvaluationCase("names copied into answers", ["search"], "agent", SEEN, 0.99, answers=True),
    EvaluationCase("several turns: refine", REFINE, "agent", SEEN, 0.90),
    EvaluationCase("several turns: exclude", EXCLUDE, "agent", SEEN, 0.90),
    EvaluationCase("several turns: the second one", FOLLOW, "agent", SEEN, 0.90),
    EvaluationCase(
        "search, a typing error in each", ["search"], "agent", {**SEEN, "typo_percent": 100}, None
    ),
    EvaluationCase("refine, unseen phrasings", REFINE, "agent", HELD, None),
    EvaluationCase("exclude, unseen phrasings", EXCLUDE, "agent", HELD, None),
    EvaluationCase("the second one, unseen phrasings", FOLLOW, "agent", HELD, None),
    EvaluationCase(
        "intent, unseen phrasings",
        ("search", *REFINE, *EXCLUDE, *FOLLOW, "greet", "thanks", "who"),
        "route",
        HELD,
        None,
    ),
    EvaluationCase("places turned down", EXCLUDE, "reject", SEEN, None),
)


class Model:
    """A trained model that goes on with prompts.

    Args:
        folder: where the weights and the tokenizer are.
    """

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.tokenizer.padding_side = "left"
        self.model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def complete(self, prompts: Sequence[str], *, tokens: int = 160) -> list[str]:
        """Return what the model writes behind each prompt, greedily, up to the end of its turn.

        Args:
            prompts: text with its role markers.
            tokens: longest answer.
        """
        written: dict[int, str] = {}
        order = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))
        for start in range(0, len(order), 64):
            group = order[start : start + 64]
            batch = self.tokenizer([prompts[n] for n in group], return_tensors="pt", padding=True)
            batch.pop("token_type_ids", None)
            with torch.inference_mode():
                ids = self.model.generate(**batch, max_new_tokens=tokens, do_sample=False)
            for n, row in zip(group, ids[:, batch["input_ids"].shape[1] :], strict=True):
                text = self.tokenizer.decode(row)
                written[n] = text.split("<|end|>")[0].split("<|pad|>")[0]
        return [written[n] for n in range(len(prompts))]


def prompt_of(model: Model, dialogue: Dialogue, *, upto: int, begun: str = "") -> str:
    """Return what the model sees when it is to say message `upto`, and how that begins."""
    shown = model.tokenizer.apply_chat_template(
        dialogue.messages[:upto],
        tools=described(dialogue.tools),
        add_generation_prompt=True,
        tokenize=False,
    )
    return shown + begun


def dialogues_for(test: EvaluationCase, language: Language, count: int) -> list[Dialogue]:
    """Make the dialogues of one test; always the same ones, and none of the training's."""
    maker = DialogueMaker(f"evaluation {test.name} {language}", **test.options)
    made: list[Dialogue] = []
    while len(made) < count:
        dialogue = maker.of(test.kinds[len(made) % len(test.kinds)], language, test.task)
        if not test.answers or names_in(dialogue):
            made.append(dialogue)
    return made


def names_in(dialogue: Dialogue) -> list[str]:
    """The names, in the language of the dialogue, of the places that its last search found."""
    results = [m["content"] for m in dialogue.messages[dialogue.asked :] if m["role"] == "tool"]
    found = json.loads(results[-1]) if results and results[-1].startswith("[") else []
    return [place[f"name_{dialogue.language}"] for place in found]


def run_test(
    model: Model, test: EvaluationCase, language: Language, count: int
) -> tuple[int, int, int, list[str]]:
    """Return how many answers are right, out of how many, of the first, and the wrong as text.

    Copied names count one by one, everything else by the dialogue.
    """
    dialogues = dialogues_for(test, language, count)
    at = [len(d.messages) - 1 if test.answers else d.asked + 1 for d in dialogues]
    begun = {"route": '{"intent": "', "reject": '{"positions": ['}.get(test.task, "")
    prompts = [prompt_of(model, d, upto=n, begun=begun) for d, n in zip(dialogues, at, strict=True)]
    right = total = of_sample = 0
    wrong = []
    answers = model.complete(prompts)
    for place, (dialogue, n, text) in enumerate(zip(dialogues, at, answers, strict=True), 1):
        said, wanted = begun + text, dialogue.messages[n]
        if test.answers:
            names = names_in(dialogue)
            lines = re.findall(r"^\d+\. (.*) \([^()]*\)$", said, re.M)
            hits = sum(pair[0] == pair[1] for pair in zip(names, lines, strict=False))
            right, total = right + hits, total + len(names)
            good = hits == len(names)
        else:
            good = is_right(said, wanted)
            right, total = right + good, total + 1
        of_sample = right if place <= SAMPLE else of_sample
        if not good:
            told = dialogue.messages[dialogue.asked]["content"]
            wrong.append(f"{told!r}: {said!r} is not {_expected(wanted)!r}")
    return right, total, of_sample, wrong


def is_right(said: str, wanted: dict[str, Any]) -> bool:
    """Whether an answer is the wanted one: the same calls, or else the same words."""
    calls = [call["function"] for call in wanted.get("tool_calls", ())]
    try:
        made = [json.loads(text) for text in CALL.findall(said)]
    except ValueError:
        return False
    if calls or made:
        return [_unordered(call) for call in made] == [_unordered(call) for call in calls]
    return said == wanted["content"]


def _unordered(call: Any) -> Any:
    """A tool call with its moods in the order of the alphabet."""
    arguments = call.get("arguments") if isinstance(call, dict) else None
    if not isinstance(arguments, dict) or not isinstance(arguments.get("tags"), list):
        return call
    return {**call, "arguments": {**arguments, "tags": sorted(arguments["tags"], key=str)}}


def _expected(wanted: dict[str, Any]) -> str:
    calls = [call["function"]["arguments"] for call in wanted.get("tool_calls", ())]
    return json.dumps(calls, ensure_ascii=False) if calls else wanted["content"]


def evaluate(
    folder: Path, count: int, tests: Iterable[EvaluationCase] = TESTS
) -> list[dict[str, Any]]:
    """Run the tests in both languages, print them as they end, and return their results.

    Args:
        folder: the model.
        count: dialogues a test and language.
        tests: which.
    """
    model = Model(folder)
    results = []
    for test in tests:
        for language in ("en", "ko"):
            right, total, of_sample, wrong = run_test(model, test, language, count)
            met = "" if test.bar is None else f"(bar {test.bar:.0%})"
            print(
                f"{test.name:<34} {language}  {right:>4}/{total:<4} {right / total:6.1%} {met}",
                flush=True,
            )
            results.append(
                {
                    "test": test.name,
                    "language": language,
                    "right": right,
                    "total": total,
                    "of_sample": of_sample,
                    "bar": test.bar,
                    "wrong": wrong[:5],
                }
            )
    return results


def main() -> None:
    """Read the command line, evaluate, and keep the results beside the model."""
    told = argparse.ArgumentParser(prog="python -m tools.tiny_model.evaluate", description=__doc__)
    told.add_argument("--model", type=Path, default=HOME)
    told.add_argument("--count", type=int, default=300, help="dialogues a test and language")
    chosen = told.parse_args()
    results = evaluate(chosen.model, chosen.count)
    text = json.dumps(results, ensure_ascii=False, indent=1)
    (chosen.model / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    write_card(chosen.model)


if __name__ == "__main__":
    main()
