"""`python -m course_lib gateway`: a model gateway until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys

SIZES = ("small", "medium", "large")
"""The names of the sizes, written again here so that `--help` need not import the model."""

KEY_VARIABLE = "GATEWAY_API_KEY"
"""The environment variable with the key. An option would be seen by everybody on the machine."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: of the command line.
    """
    faults = parser.add_argument_group("faults")
    speed = parser.add_argument_group("speed")
    parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1 (default: 8000)")
    parser.add_argument("--size", choices=SIZES, default="large", help="smaller ones read less")
    parser.add_argument("--context", type=int, metavar="TOKENS", help="longest prompt")
    parser.add_argument("--log-file", metavar="PATH", help="a line of JSON for each request")
    speed.add_argument("--tokens-per-second", type=float, metavar="N")
    speed.add_argument("--first-token-seconds", type=float, metavar="N")
    speed.add_argument("--prompt-tokens-per-second", type=float, metavar="N")
    speed.add_argument("--concurrent", type=int, metavar="N", help="requests answered at once")
    speed.add_argument("--queue", type=int, metavar="N", help="requests that may wait, then 429")
    faults.add_argument("--status", type=int, choices=(429, 503), help="refuse every request")
    faults.add_argument("--retry-after", type=float, metavar="SECONDS")
    faults.add_argument("--stall-after", type=int, metavar="TOKENS", help="then nothing comes")
    faults.add_argument("--break-after", type=int, metavar="TOKENS", help="then cut")
    faults.add_argument("--times", type=int, metavar="N", help="only the next N requests")


def run(asked: argparse.Namespace) -> int:
    """Serve until a signal comes; return the exit status.

    Args:
        asked: the parsed command line.
    """
    import uvicorn
    from pydantic import ValidationError

    from course_lib.models.gateway.app import GatewaySettings, make_app

    given = {name: value for name, value in vars(asked).items() if value is not None}
    given.pop("command", None)
    port = given.pop("port")
    if not 1 <= port <= 65_535:
        print(f"--port: {port} is no TCP port. Give 1 to 65535.", file=sys.stderr)  # noqa: T201
        return 2
    names = ("status", "retry_after", "stall_after", "break_after", "times")
    faults = {name: given.pop(name) for name in names if name in given}
    try:
        settings = GatewaySettings(**given, faults=faults, key=os.environ.get(KEY_VARIABLE) or None)
    except ValidationError as error:
        for fault in error.errors():
            option = str(fault["loc"][-1]).replace("_", "-")
            print(f"--{option}: {fault['msg']}.", file=sys.stderr)  # noqa: T201
        return 2
    app = make_app(settings)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    return 0
