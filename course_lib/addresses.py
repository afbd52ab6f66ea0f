"""Addresses of servers and databases, fit for a message: without what may be a password."""

from __future__ import annotations

import re

SECRET = r"pass\w*|pwd|secret|token|api_?key"
"""Names under which an address holds what nobody else may read."""

VALUE = r"""'(?:[^'\\]|\\.)*'?|"[^"]*"?|[^&\s]*"""
"""A value behind such a name: in quotes, or up to the next one."""


def hide_password(address: str) -> str:
    """Return an address of any kind without what may be a password in it.

    Args:
        address: as somebody typed it, right or wrong: a URL, or names and values. What stands
            before the last `@` goes, so a password with an unescaped `@` or `/` is told in no part.
    """
    hidden = re.sub(r"^(.*?//|).*@", r"\1...@", address, flags=re.DOTALL)
    named = rf"({SECRET})\s*=\s*(?:{VALUE})"
    return re.sub(named, r"\1=...", hidden, flags=re.IGNORECASE | re.DOTALL)
