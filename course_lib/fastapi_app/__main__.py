"""Print a link that opens the page as somebody: for trying the service, and for its first person.

    python -m course_lib.fastapi_app ann --role booker

In production, the service that signs people in makes the tokens: see `make_token`.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import timedelta

from .auth import make_token
from .service_settings import ServiceSettingsError, read_token_key


def main() -> None:
    """Read the options and the key, and print the link."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description="Print a link that opens the page as somebody. Whoever has it is that person, "
        "until it expires.",
    )
    parser.add_argument("user", help="who the token is for")
    parser.add_argument("--tenant", default="default", help="of which customer (default: default)")
    parser.add_argument("--role", action="append", default=[], help="a role; may be repeated")
    parser.add_argument("--hours", type=float, default=1.0, help="until it expires (default: 1)")
    parser.add_argument(
        "--url", default="http://127.0.0.1:8000", help="of the service (default: %(default)s)"
    )
    given = parser.parse_args()
    if not 0 < given.hours < 24 * 366:
        parser.error(f"--hours is {given.hours}. Give a number above zero, and below a year.")
    try:
        key = read_token_key(os.environ)
    except ServiceSettingsError as error:
        parser.exit(1, f"{error}\n")
    lifetime = timedelta(hours=given.hours)
    token = make_token(key, given.user, tenant=given.tenant, roles=given.role, lifetime=lifetime)
    sys.stdout.write(f"{given.url.rstrip('/')}/#token={token}\n")


if __name__ == "__main__":
    main()
