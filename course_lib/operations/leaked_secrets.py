"""A search for secrets that were committed by mistake, with detect-secrets.

It looks for what has a form of its own: private keys, keys of clouds and of model providers,
tokens, and passwords in addresses. A key without a form, such as 64 hexadecimal digits, is found
by no such search.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

PLUGINS = (
    "AWSKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SlackDetector",
    "StripeDetector",
)
"""Detectors of detect-secrets. Those that look for much disorder take every hash for a secret."""


@dataclass(frozen=True)
class LeakedSecret:
    """A place where a secret stands.

    Args:
        path: of the file.
        line: its number, from 1.
        kind: what kind of secret it looks like.
    """

    path: Path
    line: int
    kind: str


def find_leaked_secrets(
    paths: Iterable[Path], *, allowed: Collection[str] = ()
) -> list[LeakedSecret]:
    """Search files for secrets.

    Args:
        paths: of the files; those that are no text are left out.
        allowed: values that look like secrets and are none, such as passwords of examples.

    Raises:
        ModuleNotFoundError: detect-secrets is not installed: pip install detect-secrets
    """
    from detect_secrets.core.plugins import initialize
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings

    found = []
    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS]}):
        plugins = [initialize.from_plugin_classname(name) for name in PLUGINS]
        patterns = [pattern for plugin in plugins for pattern in plugin.denylist]
        for path in paths:
            # `scan_file` looks at each line with each detector; few files have anything to find.
            text = path.read_text(encoding="utf-8", errors="ignore")
            if not any(pattern.search(text) for pattern in patterns):
                continue
            for secret in scan_file(str(path)):
                if secret.secret_value not in allowed:
                    found.append(LeakedSecret(path, secret.line_number, secret.type))
    return sorted(set(found), key=lambda each: (str(each.path), each.line, each.kind))


def tracked_files(folder: Path) -> list[Path]:
    """The files of a repository that git keeps.

    Args:
        folder: of the repository.

    Raises:
        subprocess.CalledProcessError: the folder belongs to no repository.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=folder, check=True, capture_output=True, text=True
    )
    return [folder / name for name in listed.stdout.split("\0") if name]
