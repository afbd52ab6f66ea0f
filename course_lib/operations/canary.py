"""A new version for a few conversations first, and always the same version for one conversation."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping


def canary_version(key: str, shares: Mapping[str, float]) -> str:
    """Return the version that a conversation is served by.

    It depends on nothing but the key and the shares, so every worker and every day gives the same.
    When the last of two versions grows, conversations move to it and none moves away. Of three or
    more this holds for the last one only if its share is taken from the one before it.

    Args:
        key: the thread's id, or the tenant's for a customer as a whole.
        shares: of each version, of any sum; `{"2026-11-20": 95, "2026-11-26": 5}`.

    Raises:
        ValueError: a share is negative or no number, or all are 0.
    """
    total = sum(shares.values())
    if not 0 < total < math.inf or min(shares.values()) < 0:
        raise ValueError(
            f"The shares are {dict(shares)}. Give each version 0 or more, and one of them more "
            "than 0."
        )
    digest = hashlib.sha256(key.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64 * total
    for version, share in shares.items():
        place -= share
        if place < 0:
            return version
    return next(version for version, share in reversed(shares.items()) if share)
