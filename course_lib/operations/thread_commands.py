"""`python -m course_lib thread ...`: look at one thread of the service, free it, go back in it.

docs/runbook.md says when to use which.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DATABASE = "the service's database, postgresql://..."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: of the command line.
    """
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    holder = actions.add_parser("holder", help="which worker runs it at this moment")
    stop = actions.add_parser("stop", help="stop its run, on whichever worker")
    stop.add_argument("--seconds", type=float, default=10.0, help="how long to wait (default: 10)")
    stop.add_argument(
        "--force", action="store_true", help="end the worker's connection if it does not react"
    )
    check = actions.add_parser("check", help="which of its checkpoints cannot be read")
    check.add_argument("--limit", type=int, default=100, help="how many are read (default: 100)")
    restore = actions.add_parser("restore", help="go back to an older checkpoint")
    restore.add_argument("--to", metavar="CHECKPOINT", help="default: the newest readable one")
    restore.add_argument("--keep-in", type=Path, metavar="FILE", help="for the rows it removes")
    restore.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    for each in (holder, stop, check, restore):
        each.add_argument("--database", required=True, metavar="URL", help=DATABASE)
        each.add_argument("thread_id", metavar="THREAD")


def run(asked: argparse.Namespace) -> int:
    """Run one action.

    Args:
        asked: the parsed command line.

    Returns:
        0, or 1 where something cannot be done or a checkpoint cannot be read.
    """
    from course_lib.operations.thread_repair import RepairError
    from course_lib.persistence import CheckpointerError, PostgresError

    try:
        return _ACTIONS[asked.action](asked)
    except (RepairError, CheckpointerError, PostgresError) as error:
        sys.stderr.write(f"thread {asked.action}: {error}\n")
        return 1


def _show_holder(asked: argparse.Namespace) -> int:
    from course_lib.operations.thread_repair import thread_holder

    held_by = thread_holder(asked.database, asked.thread_id)
    sys.stdout.write("free: no worker runs it\n" if held_by is None else f"held by {held_by}\n")
    return 0


def _stop(asked: argparse.Namespace) -> int:
    from course_lib.operations.thread_repair import stop_thread

    held_by = stop_thread(asked.database, asked.thread_id, seconds=asked.seconds, force=asked.force)
    sys.stdout.write(
        "it was free\n" if held_by is None else f"free now; it was held by {held_by}\n"
    )
    return 0


def _check(asked: argparse.Namespace) -> int:
    from course_lib.operations.thread_repair import unreadable_checkpoints

    faults = unreadable_checkpoints(asked.database, asked.thread_id, limit=asked.limit)
    for fault in faults:
        sys.stdout.write(f"{fault.checkpoint_id} cannot be read: {fault.reason}\n")
    if not faults:
        sys.stdout.write("every checkpoint can be read\n")
    return int(bool(faults))


def _restore(asked: argparse.Namespace) -> int:
    from course_lib.operations.thread_repair import restore_thread

    done = restore_thread(
        asked.database,
        asked.thread_id,
        to=asked.to,
        keep_in=asked.keep_in,
        dry_run=asked.dry_run,
    )
    many = f"{len(done.removed)} checkpoints ({done.rows} rows)"
    if not done.removed:
        said = f"nothing to remove: {done.kept} is the newest checkpoint, and it can be read"
    elif asked.dry_run:
        said = f"would remove {many} behind {done.kept}"
    else:
        said = f"removed {many} behind {done.kept}; the rows are in {done.file}"
    sys.stdout.write(said + "\n")
    return 0


_ACTIONS = {"holder": _show_holder, "stop": _stop, "check": _check, "restore": _restore}
