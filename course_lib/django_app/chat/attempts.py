"""How often somebody may try to sign in: a count for each name and address, in the database.

All processes of the site share the table, so the limit holds over all of them. An attempt is
counted before its password is looked at, so many attempts at once are no way around the limit. A
name that nobody has is counted like any other, so the answers do not tell which names exist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

PER_NAME = 5
"""How many attempts an address has for one name, until the time is over."""
PER_ADDRESS = 100
"""How many it has for all names together: many people may share an address."""
PERIOD = timedelta(minutes=15)
"""How long attempts count, from the first one."""


class SignInAttempts(models.Model):
    """How often somebody tried to sign in since a moment. The key is a hash."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} since {self.since}"


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in.

    Args:
        name: as it was typed.
        address: where the request came from, as the server tells it. Behind a proxy, uvicorn takes
            it from the proxy's headers: see its option `--forwarded-allow-ips`.
    """

    name: str
    address: str

    def begin(self) -> int:
        """Count this attempt, and return how many minutes to wait; 0 where it may go on."""
        now = timezone.now()
        SignInAttempts.objects.filter(since__lt=now - PERIOD).delete()
        waits = [_count(self._of_name, PER_NAME, now), _count(self._of_address, PER_ADDRESS, now)]
        return max(waits)

    def succeed(self) -> None:
        """Forget the attempts of this name, and that this one was an attempt."""
        SignInAttempts.objects.filter(key=self._of_name).delete()
        SignInAttempts.objects.filter(key=self._of_address).update(count=F("count") - 1)

    @property
    def _of_name(self) -> str:
        return _key(self.address, self.name.strip().casefold())

    @property
    def _of_address(self) -> str:
        return _key(self.address)


@transaction.atomic
def _count(key: str, limit: int, now: datetime) -> int:
    row, _ = SignInAttempts.objects.get_or_create(key=key, defaults={"since": now})
    SignInAttempts.objects.filter(key=key).update(count=F("count") + 1)
    row.refresh_from_db()
    if row.count <= limit:
        return 0
    left = (row.since + PERIOD - now).total_seconds()
    return max(1, -int(-left // 60))


def _key(*parts: str) -> str:
    # A hash: people type a password into the wrong field, and the table is no place for it.
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
