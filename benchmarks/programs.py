"""Tables of the numbers that the other scripts of this folder print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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


def bench_cleanup() -> list[Row]:
    """Clean-up of 10,000 idle threads of 20 checkpoints beside one bare statement a table."""
    rows: list[Row] = []
    for saver, found in numbers_of("cleanup.py").items():
        median, low, high = found["ratio"]
        few, many = (size / 1e6 for size in found["memory"].values())
        rows += [
            {
                "what": f"{saver}: clean-up over one bare statement a table",
                "value": f"{median:.2f} x ({low:.2f} to {high:.2f}; "
                f"{found['ours']:.1f} s and {found['bare']:.1f} s)",
                "bar": "1.5 x",
            },
            {
                "what": f"{saver}: memory that it takes for 1,000 threads, and for 10,000",
                "value": f"{few:.1f} MB, {many:.1f} MB",
                "bar": "flat",
            },
        ]
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


def bench_retrieval() -> list[Row]:
    """Search of places and guides: nDCG@10 and recall@10 of every way, in both languages."""
    kinds = {
        "several": "10 questions with several right places",
        "one": "20 questions with one right place",
        "guides": "20 questions to the guides",
    }
    rows: list[Row] = []
    for key, ways in numbers_of("retrieval.py", "quality").items():
        kind, language = key.split()
        best = max(ways["words"][0], ways["meaning"][0])
        for way, (gain, recall) in ways.items():
            bar = f"0.65, {best - 0.02:.2f}" if way == "by score" else ""
            rows.append(
                {
                    "what": f"{kinds[kind]}, {language}, {way}",
                    "value": f"nDCG {gain:.3f}, recall {recall:.2f}",
                    "bar": bar,
                }
            )
    return rows


def bench_retrieval_time() -> list[Row]:
    """How long one question to the places takes, by way to search. Needs a quiet machine."""
    return [
        {
            "what": f"one Korean question to the places, {way}",
            "value": f"{1000 * seconds:.0f} ms",
            "bar": "30 ms",
        }
        for way, seconds in numbers_of("retrieval.py", "time").items()
    ]


def bench_retrieval_compare() -> list[Row]:
    """Pairs of Korean syllables against kiwipiepy (pip install '.[compare]')."""
    rows: list[Row] = []
    for key, (alone, fused) in numbers_of("retrieval.py", "compare").items():
        kind, _, name = key.partition(" ")
        rows.append(
            {
                "what": f"Korean questions with {kind} right, words by {name}",
                "value": f"nDCG {alone:.3f} alone, {fused:.3f} fused by rank",
                "bar": "",
            }
        )
    return rows


def bench_spend() -> list[Row]:
    """Ten long dialogues with a router, a budget and a cache: input tokens and right turns."""
    numbers = numbers_of("spend.py")
    plain = numbers["bills"]["plain"]
    paid = sum(plain["tokens"].values())
    rows: list[Row] = []
    for name, bill in numbers["bills"].items():
        tokens = sum(bill["tokens"].values())
        parts = ", ".join(f"{model} {count:,}" for model, count in sorted(bill["tokens"].items()))
        is_ours = name in ("rules", "classifier")
        rows.append(
            {
                "what": f"{name}: right turns, input tokens, share of the plain Namu's",
                "value": f"{bill['right']} of {bill['turns']}, {tokens:,} ({tokens / paid:.1%}): "
                f"{parts}",
                "bar": f"at least {plain['right']}, 45 %" if is_ours else "",
            }
        )
    for name, what in (
        ("overhead", "a gateway of 200 tokens/s"),
        ("overhead at full speed", "a gateway without a set speed"),
    ):
        median, low, high = numbers[name]
        rows.append(
            {
                "what": f"a healthy request through router and fallback over a direct one, {what}",
                "value": f"{median:.3f} x ({low:.3f} to {high:.3f})",
                "bar": "1.05 x" if name == "overhead" else "",
            }
        )
    return rows


def bench_growth() -> list[Row]:
    """What a thread stores after 10 to 200 turns, as full snapshots and as a delta channel."""
    rows: list[Row] = []
    for database, forms in numbers_of("growth.py").items():
        for form, found in forms.items():
            sizes = " / ".join(f"{size / 1e6:.2f}" for size in found["bytes"])
            times = " / ".join(f"{ms:.0f}" for ms in found["ms"])
            rows.append(
                {
                    "what": f"{database}, {form}: MB, and ms a turn, at 10 / 50 / 100 / 200 turns",
                    "value": f"{sizes} MB, {times} ms",
                    "bar": "",
                }
            )
        share = forms["delta"]["bytes"][-1] / forms["full"]["bytes"][-1]
        rows.append(
            {
                "what": f"{database}: the delta channel over full snapshots, bytes at 200 turns",
                "value": f"{share:.1%}",
                "bar": "5 %",
            }
        )
    return rows


def bench_cache() -> list[Row]:
    """A read-through cache in front of PostgreSQL: in the process, and on Redis."""
    numbers = numbers_of("cache.py")
    alone = numbers["read"]["alone"]
    rows: list[Row] = [
        {
            "what": "aget_state of a thread of 120 messages, PostgreSQL alone",
            "value": f"{alone['ms']:.1f} ms",
            "bar": "",
        }
    ]
    for kind, what in (("read", "the same"), ("turn", "a turn that does nothing")):
        for name in ("in process", "Redis"):
            found = numbers[kind][name]
            rows.append(
                {
                    "what": f"{what}, cached {'on Redis' if name == 'Redis' else name}, "
                    "over PostgreSQL alone (95 % interval)",
                    "value": f"{found['ratio']:.2f} x ({found['low']:.2f} to {found['high']:.2f}), "
                    f"{found['ms']:.1f} ms",
                    "bar": "0.7 x" if kind == "read" else "",
                }
            )
    return rows


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
                "value": f"{_cpu(numbers, tokens, speed)} (widgets.HTML "
                f"{bare['cpu'] / none['cpu']:.1f}, panel.chat {holoviz['cpu'] / none['cpu']:.0f})",
                "bar": "1.3 x" if speed else "none",
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


def _cpu(numbers: dict[str, Any], tokens: int, speed: int) -> str:
    """Kernel CPU of the panel over a stream with no screen: a ratio, of pairs where there are."""
    if speed:
        median, low, high = numbers["pairs"]
        return f"{median:.2f} x, {low:.2f} to {high:.2f} in 20 pairs"
    ours, none = numbers[f"ours, {tokens} at {speed}"], numbers[f"no UI, {tokens} at {speed}"]
    return f"{ours['cpu'] / none['cpu']:.2f} x"


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


def bench_observability() -> list[Row]:
    """The service of chapter 18: what metrics, traces, logs, audit and limits cost."""
    numbers = numbers_of("observability.py")
    median, low, high = numbers["loss"]
    more, least, most = numbers["more"]
    return [
        {
            "what": f"throughput lost to all of it, {numbers['pairs']} pairs (95 % interval)",
            "value": f"{median:.1%} ({low:.1%} to {high:.1%})",
            "bar": "5 %",
        },
        {
            "what": "turns a second of one worker, without and with all of it",
            "value": f"{numbers['off']:.1f} and {numbers['on']:.1f}",
            "bar": "",
        },
        {
            "what": "processor time of a turn in the worker, without and with all of it",
            "value": f"{numbers['processor']['off']:.0f} and {numbers['processor']['on']:.0f} ms, "
            f"{more:+.1%} ({least:+.1%} to {most:+.1%})",
            "bar": "",
        },
        {
            "what": "rate limits of a person and a tenant in one statement, median (p95)",
            "value": f"{numbers['limit']:.2f} ms ({numbers['limit p95']:.2f})",
            "bar": "1 ms",
        },
    ]


def bench_service() -> list[Row]:
    """The chat service of chapter 13: streams beside the bare graph, memory, its page."""
    numbers = numbers_of("service.py")
    median, low, high = numbers["ratio"]
    page = numbers["page"]
    shown = "no browser" if page is None else f"{page[0]:.0f} ms (longest {page[1]:.0f})"
    rows = [
        ("worker with Namu, until it is ready", f"{numbers['ready']:.1f} s", "5 s"),
        ("worker with Namu, resident memory", f"{numbers['memory']:.0f} MB", "180 MB"),
        (
            "20 streams of 50 tokens: median whole time over the graph with no service",
            f"{median:.2f} x ({low:.2f} to {high:.2f})",
            "1.15 x",
        ),
        ("100 streams on two workers: complete", f"{numbers['streams']}", "100"),
        (
            "100 streams: first token, 95th percentile",
            f"{numbers['first']:.2f} s (no service {numbers['bare first']:.2f})",
            "",
        ),
        (
            "100 streams: whole, 95th percentile (ideal 2.00 s)",
            f"{numbers['whole']:.2f} s (no service {numbers['bare whole']:.2f})",
            "",
        ),
        ("100 streams: memory for each stream", f"{numbers['kilobytes']:.0f} kB", ""),
        ("from the model's first token to its letters in the page", shown, "50 ms"),
    ]
    return [{"what": what, "value": value, "bar": bar} for what, value, bar in rows]


def bench_operations() -> list[Row]:
    """The whole stack of chapter 18: its start, its memory, and how it recovers from kills."""
    numbers = numbers_of("operations.py")
    rows: list[Row] = [
        {
            "what": "`stack()` until all is healthy",
            "value": f"{numbers['ready']:.1f} s",
            "bar": "20 s",
        },
        {
            "what": "memory of all parts after a turn",
            "value": f"{numbers['memory']:,.0f} MB",
            "bar": "1,200 MB",
        },
    ]
    for what, (answered, whole) in numbers["recovery"].items():
        told = "the plan went on" if "job" in what else "a message was answered"
        rows.append(
            {
                "what": f"after SIGKILL of {what} (median of 3)",
                "value": f"{told} after {answered:.1f} s, all ran after {whole:.1f} s",
                "bar": "-",
            }
        )
    return rows
