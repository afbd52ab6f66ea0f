"""Run a program as another user of this system: PostgreSQL refuses to run as root.

python -m course_lib.operations.as_user USER PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> None:
    """Become the user, then become the program; this never returns.

    Args:
        arguments: the user's name, the program and its arguments.

    Raises:
        KeyError: there is no such user.
        PermissionError: only root may become somebody else.
        FileNotFoundError: there is no such program.
    """
    import pwd

    name, program, *rest = arguments
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir
    os.execv(program, [program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
