"""Measure what the course promises about speed, side by side, and store the tables.

    python benchmarks/run.py                 everything but the slow ones
    python benchmarks/run.py import nbval    only these
    python benchmarks/run.py --help          the names, with a line each

Every figure is a median of pairs run in turn (A, B, A, B ...), so a slow moment of the machine
hits both sides. Ratios are what to read; seconds depend on the machine.

A new benchmark is a function without arguments that returns the rows of its table. Its docstring
begins with the line that `--help` prints. Import it here and give it a name in `BENCHES`.
"""

from __future__ import annotations

import os
import platform
import sys

from checkout import bench_check, bench_import, bench_nbval, bench_start
from installation import bench_setup, bench_vllm_setup
from programs import (
    bench_cache,
    bench_chat,
    bench_cleanup,
    bench_durability,
    bench_growth,
    bench_observability,
    bench_operations,
    bench_persistence,
    bench_recall,
    bench_retrieval,
    bench_retrieval_compare,
    bench_retrieval_time,
    bench_service,
    bench_spend,
    bench_vllm,
)
from services import bench_pages, bench_postgres_ceiling
from timing import ROOT

RESULTS = ROOT / "benchmarks" / "results"

BENCHES = {
    "chat": bench_chat,
    "persistence": bench_persistence,
    "durability": bench_durability,
    "growth": bench_growth,
    "recall": bench_recall,
    "retrieval": bench_retrieval,
    "retrieval-time": bench_retrieval_time,
    "retrieval-compare": bench_retrieval_compare,
    "service": bench_service,
    "pages": bench_pages,
    "observability": bench_observability,
    "spend": bench_spend,
    "cache": bench_cache,
    "cleanup": bench_cleanup,
    "operations": bench_operations,
    "postgres-ceiling": bench_postgres_ceiling,
    "import": bench_import,
    "check": bench_check,
    "nbval": bench_nbval,
    "start": bench_start,
    "setup": bench_setup,
    "vllm": bench_vllm,
    "vllm-setup": bench_vllm_setup,
}
SLOW = ("cleanup", "postgres-ceiling", "retrieval-compare", "setup", "vllm", "vllm-setup")
"""What runs only when it is named: it needs minutes, vLLM (`make vllm`), or an extra."""


def main(names: list[str]) -> int:
    """Run the benchmarks named, print their tables and store them."""
    if {"--help", "-h"} & set(names):
        print(_help())
        return 0
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}. There are: {', '.join(BENCHES)}.")
        return 1
    RESULTS.mkdir(exist_ok=True)
    for name in names or [name for name in BENCHES if name not in SLOW]:
        rows = BENCHES[name]()
        machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        heading = f"{machine}, Python {platform.python_version()}"
        lines = [f"# {name}", "", f"{heading}.", "", "| what | measured | bar |", "|---|---|---|"]
        lines += [f"| {row['what']} | {row['value']} | {row['bar']} |" for row in rows]
        text = "\n".join(lines) + "\n"
        (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
        print(text)
    return 0


def _help() -> str:
    """The names of all benchmarks, each with the first line of its docstring."""
    width = max(map(len, BENCHES))
    lines = [
        f"  {name:{width}}  {(bench.__doc__ or '').splitlines()[0]}"
        + (" Only when it is named." if name in SLOW else "")
        for name, bench in BENCHES.items()
    ]
    usage = "python benchmarks/run.py [NAME ...]: measure, print and store tables."
    return "\n".join([usage, "", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
