"""The course's one command line: `python -m course_lib --help`."""

from __future__ import annotations

import argparse
import sys

from course_lib.models.gateway.command import add_options
from course_lib.operations import thread_commands


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m course_lib", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("doctor", help="what this machine has, and the remedy for what it lacks")
    exercises = commands.add_parser("exercises", help="make exercises/ from solutions/")
    exercises.add_argument(
        "--force", action="store_true", help="also those that somebody has worked in"
    )
    _add_cleanup(commands.add_parser("cleanup", help="delete threads that are idle for long"))
    add_options(commands.add_parser("gateway", help="the offline model by OpenAI's protocol"))
    commands.add_parser("progress", help="which exercises are done")
    commands.add_parser("reset", help="forget the progress; nothing else is touched")
    thread_commands.add_options(
        commands.add_parser("thread", help="free one thread of the service, or go back in it")
    )
    asked = parser.parse_args(arguments)
    match asked.command:
        case "doctor":
            return _doctor()
        case "exercises":
            return _exercises(asked.force)
        case "cleanup":
            return _cleanup(asked)
        case "gateway":
            return _gateway(asked)
        case "progress":
            return _progress()
        case "thread":
            return thread_commands.run(asked)
        case _:
            return _reset()


def _add_cleanup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--idle", required=True, metavar="TIME", help="such as 30d, 12h or 4w")
    parser.add_argument("--dry-run", action="store_true", help="only count; nothing is removed")
    parser.add_argument(
        "--keep",
        choices=("nothing", "latest"),
        default="nothing",
        help="of each thread: nothing (the default), or its latest checkpoint",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N threads, oldest first")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="sqlite:///chat.db or postgresql://...; the course's own PostgreSQL if left out",
    )


def _cleanup(asked: argparse.Namespace) -> int:
    from course_lib.persistence.cleanup_command import run

    return run(asked)


def _gateway(asked: argparse.Namespace) -> int:
    from course_lib.models.gateway.command import run

    return run(asked)


def _doctor() -> int:
    from course_lib.doctor import examine

    rows = examine()
    for name, found, remedy in rows:
        print(f"{name:<12} {found}")
        if remedy:
            print(f"{'':<12}   {remedy}")
    return int(rows[0][0] == "settings")  # nothing else could be looked at


def _exercises(force: bool) -> int:
    from course_lib.exercises.generate import generate

    changed, kept = generate(force=force)
    for path in changed:
        print(f"exercises/{path.name}: made again")
    for path in kept:
        print(f"exercises/{path.name}: left alone, somebody has worked in it (--force overwrites)")
    if not changed and not kept:
        print("exercises/ agrees with solutions/")
    return 0


def _progress() -> int:
    from course_lib.exercises import progress
    from course_lib.exercises.report import report

    for chapter, right, rest in report():
        print(f"chapter {chapter}: {right} right; open: {rest}")
    print(f"kept in {progress.progress_file()}")
    return 0


def _reset() -> int:
    from course_lib.exercises import progress

    print("progress forgotten" if progress.reset() else "there was no progress to forget")
    return 0


if __name__ == "__main__":
    sys.exit(main())
