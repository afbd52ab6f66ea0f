"""Tables of the numbers that the other scripts of this folder print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import ROOT, Row, numbers_of


def bench_persistence() -> list[Row]:
    """Checkpointers by URL, the embedded server, the directory of threads, the tree."""
    numbers = numbers_of("persistence.py")
    return [
        {
            "what": "a turn on open_checkpointer over one on the saver itself (SQLite)",
            "value": f"{numbers['turn']:.3f} x",
            "bar": "1.03 x",
        },
        {
            "what": "embedded PostgreSQL, first start",
            "value": f"{numbers['first start']:.1f} s",
            "bar": "5 s",
        },
        {
            "what": "embedded PostgreSQL, already running",
            "value": f"{numbers['running']:.2f} s",
            "bar": "1 s",
        },
        {
            "what": "list() of one user's page, 100,000 threads over 100 (PostgreSQL)",
            "value": f"{numbers['list']:.2f} x",
            "bar": "1.5 x",
        },
        {
            "what": "CheckpointTree over get_state_history, 10,000 checkpoints (SQLite)",
            "value": f"{numbers['tree']:.2f} x",
            "bar": "1.5 x",
        },
        {
            "what": "fork from before the first of 500 messages (SQLite)",
            "value": f"{numbers['fork']:.2f} s",
            "bar": "0.5 s",
        },
    ]


def bench_durability() -> list[Row]:
    """What each durability costs on a graph of 20 nodes, with three savers."""
    rows: list[Row] = []
    for saver, modes in numbers_of("durability.py").items():
        for mode, found in modes.items():
            median, low, high = found["ratio"]
            time = "1" if mode == "sync" else f"{median:.2f} x ({low:.2f} to {high:.2f})"
            rows.append(
                {
                    "what": f"{saver}, {mode}: time over sync, checkpoints, bytes",
                    "value": f"{time}, {found['checkpoints']}, {found['bytes']:,}",
                    "bar": "exit below sync" if mode == "exit" else "",
                }
            )
    return rows


def bench_recall() -> list[Row]:
    """Searches over the places by words, by meaning and by both, and a person's memories."""
    numbers = numbers_of("recall.py")
    bars = {"several ko": 9, "several en": 9, "one ko": 15, "one en": 14}
    rows: list[Row] = []
    for kind, bar in bars.items():
        counts = {n: numbers["searches"][f"{kind} {n}"] for n in ("fused", "words", "meaning")}
        right, language = kind.split()
        answers = "one right answer" if right == "one" else "several right answers"
        others = ", ".join(f"{name} {counts[name][0]}" for name in ("words", "meaning"))
        rows.append(
            {
                "what": f"right within the first three of 613 places, {language}, {answers}",
                "value": f"fused {counts['fused'][0]} of {counts['fused'][1]} ({others})",
                "bar": f"{bar}",
            }
        )
    memories = numbers["memories"]
    return [
        *rows,
        {
            "what": "recall of one of 100 people from 10,000 memories (SQLite), right",
            "value": f"{memories['right']:.0%}",
            "bar": "100 %",
        },
        {
            "what": "the same, by key and by meaning",
            "value": f"{1000 * memories['by key']:.1f} ms, {1000 * memories['by meaning']:.0f} ms",
            "bar": "",
        },
        {
            "what": "what embeddings() adds to the first use",
            "value": f"{numbers['first use']:.1f} s",
            "bar": "2 s",
        },
    ]


def bench_chat() -> list[Row]:
    """The chat panel in a real browser, beside `widgets.HTML` and HoloViz's `ChatInterface`."""
    with tempfile.TemporaryDirectory() as scratch:
        inside = _environment_with_panel(Path(scratch, "venv"))
        numbers = numbers_of("chat.py", str(inside))
    rows: list[Row] = []
    for tokens, speed in ((2000, 0), (2000, 200)):
        ours, none = numbers[f"ours, {tokens} at {speed}"], numbers[f"no UI, {tokens} at {speed}"]
        pace = f"at {speed} a second" if speed else "as fast as they come"
        bare, holoviz = (
            numbers[f"{way}, {tokens} at {speed}"] for way in ("widgets.HTML", "ChatInterface")
        )
        rows += [
            {
                "what": f"{tokens:,} tokens {pace}: bytes to the browser",
                "value": f"{ours['bytes'] / 1e6:.2f} MB (widgets.HTML {bare['bytes'] / 1e6:.1f}, "
                f"panel.chat {holoviz['bytes'] / 1e6:.1f})",
                "bar": "0.25 MB",
            },
            {
                "what": f"{tokens:,} tokens {pace}: kernel CPU over the same stream with no UI",
                "value": f"{ours['cpu'] / none['cpu']:.2f} x (widgets.HTML "
                f"{bare['cpu'] / none['cpu']:.1f}, panel.chat {holoviz['cpu'] / none['cpu']:.0f})",
                "bar": "1.3 x",
            },
            {
                "what": f"{tokens:,} tokens {pace}: longest frame",
                "value": f"{ours['frame_ms']:.0f} ms (no UI {none['frame_ms']:.0f})",
                "bar": "100 ms",
            },
            {
                "what": f"{tokens:,} tokens {pace}: model's first token to the screen",
                "value": f"{ours['first_ms']:.0f} ms",
                "bar": "120 ms",
            },
        ]
    few, many = numbers["ours, 200 at 0"]["cpu"] / 200, numbers["ours, 10000 at 0"]["cpu"] / 10_000
    rows += [
        {
            "what": "kernel CPU per token, 10,000 tokens over 200",
            "value": f"{many / few:.2f} x",
            "bar": "flat",
        },
        {
            "what": "a thread of 500 messages, from `show()` to the page",
            "value": f"{numbers['opening']:.2f} s",
            "bar": "1 s",
        },
    ]
    return rows


def _environment_with_panel(folder: Path) -> Path:
    """Make an environment that holds the course and HoloViz panel; return its Python."""
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    target = ["--editable", str(ROOT), "panel", "jupyter_bokeh", "--quiet"]
    target += ["--constraint", str(ROOT / "constraints.txt")]
    uv = shutil.which("uv")
    if uv:
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--python", str(inside), *target], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(inside), "-m", "pip", "install", *target], check=True)
    return inside


def bench_vllm() -> list[Row]:
    """What a graph node and the chat add to a call of vLLM, one and sixteen at a time."""
    numbers = numbers_of("serving.py")
    rows: list[Row] = []
    for name in ("through a graph node", "through the chat"):
        more = numbers[name]
        rows += [
            {
                "what": f"256 tokens {name} over the same request sent directly",
                "value": f"{more['total']:.2f} x",
                "bar": "1.05 x",
            },
            {
                "what": f"its first token {name}, later than directly",
                "value": f"{1000 * more['first']:.0f} ms",
                "bar": "20 ms",
            },
        ]
    crowd = numbers["crowd"]
    return [
        *rows,
        {
            "what": "throughput of 16 conversations through a graph node over 16 sent directly",
            "value": f"{crowd['graph'] / crowd['directly']:.0%} "
            f"({crowd['graph']:,.0f} of {crowd['directly']:,.0f} tokens/s)",
            "bar": "85 %",
        },
        {
            "what": "vllm_server(), until healthy",
            "value": f"{numbers['ready']:.0f} s",
            "bar": "90 s",
        },
    ]
