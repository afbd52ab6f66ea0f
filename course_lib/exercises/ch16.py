"""Checks of chapter 16, Size it. They need no server."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.returned_numbers import number
from course_lib.sizing import ModelShape, kv_bytes_per_token, split_heads, weight_bytes

CHAPTER = "16"
quiz = quiz_of(CHAPTER)

SHAPE = {
    "layers": 32,
    "hidden": 4096,
    "intermediate": 14336,
    "heads": 32,
    "kv_heads": 8,
    "head_width": 128,
    "vocabulary": 128_256,
}
"""Llama 3.1 8B."""


def _shape(**changed: Any) -> ModelShape:
    return ModelShape(**{**SHAPE, **changed})


def _each_gpu(gpus: int) -> float:
    """KV bytes of a token on each of so many GPUs."""
    shape = _shape()
    return kv_bytes_per_token(shape) * split_heads(shape, gpus).kv_heads / shape.kv_heads


def _factors() -> dict[str, float]:
    base = kv_bytes_per_token(_shape())
    whole = weight_bytes(_shape(), 16)
    return {
        "KV bytes per token, twice the layers": kv_bytes_per_token(_shape(layers=64)) / base,
        "KV bytes per token, twice the query heads": kv_bytes_per_token(_shape(heads=64)) / base,
        "KV bytes per token, half the key-value heads": (
            kv_bytes_per_token(_shape(kv_heads=4)) / base
        ),
        "KV bytes per token, 4-bit weights": base / base,
        "KV bytes per token, an FP8 cache": kv_bytes_per_token(_shape(), 1) / base,
        "KV bytes of a token on each GPU, 4 GPUs instead of 2": _each_gpu(4) / _each_gpu(2),
        "KV bytes of a token on each GPU, 16 GPUs instead of 8": _each_gpu(16) / _each_gpu(8),
        "bytes of the weights, float32 instead of bfloat16": weight_bytes(_shape(), 32) / whole,
    }


REASONS = (
    "Each layer keeps a key and a value of its own.",
    "A query is used once and not kept. Only key-value heads count.",
    "Half the heads keep half the vectors.",
    "Quantised weights leave the cache as it is.",
    "A number of the cache takes one byte instead of two.",
    "Each GPU keeps a part of the 8 heads: 2 instead of 4.",
    "There are only 8 heads. Each GPU keeps one, and every head is kept twice.",
    "Every number takes four bytes instead of two.",
)


def _check_prediction(prediction: Any) -> None:
    found = _factors()
    compare(prediction, found, dict(zip(found, REASONS, strict=True)))


LOG = [
    ("t1", 900, 11),
    ("t2", 1000, 9),
    ("t1", 950, 29),
    ("t3", 1300, 40),
    ("t1", 1400, 150),
    ("t3", 1350, 60),
]
"""Requests of three turns, mixed as a server logs them: three, one and two of them."""


def _check_workload(summary: Any) -> None:
    for name, log, wanted in (
        ("three turns, mixed", LOG, (2.0, 1150.0, 299 / 6)),
        ("one turn of one request", [("x", 10, 4)], (1.0, 10.0, 4.0)),
        ("one turn of three", [("x", 10, 4), ("x", 20, 5), ("x", 60, 0)], (3.0, 30.0, 3.0)),
    ):
        got = summary(list(log))
        require(
            isinstance(got, (tuple, list)) and len(got) == 3,
            f"summary returned {got!r}. Return three numbers: requests per turn, prompt tokens, "
            "answer tokens.",
        )
        numbers = [number(each, "summary") for each in got]
        for what, right, found in zip(
            ("requests per turn", "prompt tokens per request", "answer tokens per request"),
            wanted,
            numbers,
            strict=True,
        ):
            expect(
                f"{what}, for {name}",
                round(right, 6),
                round(float(found), 6),
                "Every request counts once. A turn is all rows with the same name.",
            )


def _check_conversations(conversations: Any) -> None:
    look = "nine tenths of the memory, less the weights; each conversation takes tokens x bytes."
    for name, given, wanted in (
        ("Llama 3.1 8B in bfloat16 on 80 GB, 4,096 tokens", (80e9, 16.06e9, 131_072, 4096), 104),
        ("the same on 24 GB", (24e9, 16.06e9, 131_072, 4096), 10),
        ("the same with 8,192 tokens each", (24e9, 16.06e9, 131_072, 8192), 5),
        ("the same on 48 GB: 50 and a half", (48e9, 16.06e9, 131_072, 4096), 50),
        ("room for exactly one", (20e9, 10e9, 2e6, 4000), 1),
        ("weights a little larger than the space", (17e9, 16.06e9, 131_072, 4096), 0),
        ("Llama 3.3 70B in bfloat16 on 80 GB: it does not fit", (80e9, 141.2e9, 327_680, 4096), 0),
    ):
        got = number(conversations(*given), "conversations")
        expect(f"conversations(...), {name}", wanted, got, look)
        require(
            isinstance(got, Integral), f"{got!r} conversations? Half of one is none: return an int."
        )


LOADS = [
    (32, 2600, 1.4),
    (1, 300, 0.02),
    (16, 2000, 0.2),
    (24, 1700, 0.3),
    (4, 900, 0.05),
    (8, 1100, 0.9),
]
"""Not in order, with a slow one between fast ones, and a good one that is not the highest."""


def _check_servers(servers_needed: Any) -> None:
    best = (
        "Of the loads that keep the limit the best is 2,000 tokens/s, of which 60 % are planned "
        "with: 1,200. 6,000 need five of them, and one to spare."
    )
    for shown, need, limit, wanted, look in (
        ("first token within 0.5 s", 6000, 0.5, 6, best),
        ("a limit that one load just keeps", 6000, 0.2, 6, f"0.2 s keep a limit of 0.2 s. {best}"),
        (
            "nobody minds waiting 2 s",
            6000,
            2.0,
            5,
            "Now 32 at once are allowed: 2,600, of which 1,560 are planned with.",
        ),
        ("one server would do", 100, 0.5, 2, "One carries it, and one is to spare: N+1."),
        ("a little more than five carry", 6001, 0.5, 7, "Part of a server is a server: round up."),
    ):
        got = number(servers_needed(LOADS, need, limit), "servers_needed")
        expect(f"servers_needed(LOADS, {need}, {limit}), {shown}", wanted, got, look)
    try:
        got = servers_needed(LOADS, 100, 0.001)
    except ValueError:
        return
    raise IncorrectAnswer(
        f"No load keeps a limit of 0.001 s, and servers_needed returned {got!r}. More servers do "
        "not make one faster: raise a ValueError."
    )


TURNS = [
    [(900, 10), (950, 30), (1400, 150)],
    [(1000, 10), (1050, 20)],
    [(1300, 40), (1350, 10), (1350, 30), (1900, 160)],
]
"""Requests of three turns: prompt and answer tokens of each."""


def _check_bill(bill: Any) -> None:
    everything = "Add up every request of every turn: prompts and answers, also those nobody sees."
    for name, given, wanted in (
        ("prompts cost 0.5, answers 1.5", (TURNS, 0.5, 1.5), 2.096667),
        ("only prompts cost", (TURNS, 1.0, 0.0), 3.733333),
        ("only answers cost", (TURNS, 0.0, 6.0), 0.92),
        ("one turn of one request", ([[(1000, 500)]], 1.0, 2.0), 2.0),
    ):
        got = number(bill(*given), "bill")
        expect(f"bill(...), {name}", wanted, round(float(got), 6), everything)
    try:
        got = bill([], 1.0, 1.0)
    except ValueError:
        return
    raise IncorrectAnswer(
        f"bill returned {got!r} for no turns at all. Nothing was measured: raise a ValueError."
    )


e1 = Exercise(
    CHAPTER,
    1,
    "predict the factor",
    _check_prediction,
    hints=(
        "KV bytes per token: 2 x layers x key-value heads x width of a head x bytes of a number.",
        "Count the key-value heads that are on one GPU. It keeps at least one.",
    ),
    success_text="Key-value heads decide how many people a GPU holds.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "what one turn asks for",
    _check_workload,
    hints=(
        "{turn for turn, _, _ in log} holds each turn once.",
        "Divide the number of rows by the number of turns, and the sums by the number of rows.",
    ),
    success_text="Run it on your own log: these three numbers go into Workload.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "who fits in",
    _check_conversations,
    hints=(
        "space = 0.9 * memory - weights. How much of it does one conversation take?",
        "// rounds down and leaves a float: int(...). max(0, ...) for a model that does not fit.",
    ),
    success_text="That is how many conversations your GPU answers at the same moment.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "from a load test to an order",
    _check_servers,
    hints=(
        "First leave out the loads whose first token comes too late, then take the best of the "
        "rest.",
        "math.ceil(need / (0.6 * best)) + 1",
        "max() of nothing raises a ValueError by itself.",
    ),
    success_text="A measured number, a limit that people feel, headroom, and one to spare.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "find the bug: the bill that is too small",
    _check_bill,
    hints=(
        "turn[-1] is the request whose answer the person reads. What about the others?",
        "The prices are for a million tokens, and the bill is for a thousand turns.",
        "Turns differ in length: add everything up first, then divide by the number of turns.",
    ),
    success_text="Most of what you pay for is never seen by anybody.",
)
