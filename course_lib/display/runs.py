"""Which step ran in which process, read from a ledger file."""

from __future__ import annotations

from pathlib import Path

from course_lib.display.tables import show_table


def show_runs(ledger: str | Path) -> None:
    """Show which step ran in which process, and how many keys it used.

    Args:
        ledger: a file with one line for each time that a step ran: the number of the process, the
            name of the step, and its key, with blanks between them. Processes and steps are shown
            in the order of their first line.

    Raises:
        FileNotFoundError: there is no such file, so no step has run.
        ValueError: a line has other than three words.
    """
    lines = read_runs(ledger)
    processes = list(dict.fromkeys(pid for pid, _, _ in lines))
    rows = []
    for step in dict.fromkeys(step for _, step, _ in lines):
        counts = [sum(line[:2] == (pid, step) for line in lines) for pid in processes]
        keys = len({key for _, name, key in lines if name == step})
        rows.append([step, *("" if n == 0 else f"{n} x" for n in counts), str(keys)])
    show_table(rows, ["step", *(f"process {n}" for n in range(1, len(processes) + 1)), "keys"])


def read_runs(ledger: str | Path) -> list[tuple[str, str, str]]:
    """Return the lines of a ledger, each as process, step and key; see `show_runs`."""
    path = Path(ledger)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no ledger {path.name!r}: no step has written a line yet. Run the steps "
            "first, and hand over the path that they write to."
        )
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = text.split()
        if len(words) != 3:
            raise ValueError(
                f"Line {number} of {path.name!r} is {text!r}. Write three words: the number of the "
                "process, the step and its key."
            )
        lines.append((words[0], words[1], words[2]))
    return lines
