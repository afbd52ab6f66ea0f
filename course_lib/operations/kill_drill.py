"""Kill one part after the other while people talk, and see what they saw of each kill.

done = await drill(running, conversations, rate=1.0, kills=["worker-1", "primary"])
for kill in done.kills:
    print(kill.names, len(kill.turns), "turns under way,", kill.resumed, "resumed")
print(judge(running.database_url, done.turns))
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.operations.people import SaidTurn, talk

if TYPE_CHECKING:
    from course_lib.operations.running_stack import Stack


@dataclass(frozen=True)
class Kill:
    """One kill, and the turns that were under way until everything ran again.

    Args:
        names: what was killed.
        at: when, in seconds of `time.monotonic()`.
        whole_seconds: until every part ran again.
        turns: that were under way meanwhile.
    """

    names: tuple[str, ...]
    at: float
    whole_seconds: float
    turns: tuple[SaidTurn, ...]

    @property
    def resumed(self) -> int:
        """How many of the turns broke and were answered without the person doing anything."""
        return sum(turn.resumed for turn in self.turns)

    @property
    def by_hand(self) -> int:
        """How many of the turns needed the person, who was told what to do."""
        return sum(not turn.by_itself for turn in self.turns)

    @property
    def slowest_seconds(self) -> float:
        """How long the slowest of the turns took, 0 where there was none."""
        return max((turn.seconds for turn in self.turns), default=0.0)


@dataclass(frozen=True)
class Drill:
    """What people saw.

    Args:
        turns: every turn, in the order of the conversations.
        kills: in order.
    """

    turns: tuple[SaidTurn, ...]
    kills: tuple[Kill, ...]


async def drill(
    stack: Stack,
    conversations: Sequence[Sequence[str]],
    *,
    rate: float,
    kills: Sequence[str],
    seed: int = 0,
) -> Drill:
    """Let people talk, and kill something again and again, each time when everything runs.

    Args:
        stack: which they talk to.
        conversations: for each person the messages, in order.
        rate: people who arrive per second, on average.
        kills: what to kill; several parts at once with a space between, `worker-1 worker-2`.
        seed: the same seed gives the same moments of arrival.

    Raises:
        ValueError: everybody had finished before the last kill: there were too few people.
        ServerError: a part did not come back.
    """
    said: list[SaidTurn] = []
    wanted = sum(map(len, conversations))
    done: list[tuple[tuple[str, ...], float, float]] = []
    talking = asyncio.create_task(
        talk(stack, conversations, rate=rate, seed=seed, seen=said.append)
    )
    try:
        for number, names in enumerate(kills, 1):
            while len(said) < wanted * number // (len(kills) + 2) and not talking.done():
                await asyncio.sleep(0.05)
            if talking.done():
                talking.result()  # its error, if there was one
                raise ValueError(
                    f"Everybody had finished before {names!r} was killed. Give more conversations."
                )
            began = time.monotonic()
            await asyncio.to_thread(stack.kill, *names.split())
            await asyncio.to_thread(stack.wait_until_whole)
            done.append((tuple(names.split()), began, time.monotonic() - began))
        turns = await talking
    finally:
        talking.cancel()
    return Drill(tuple(turns), tuple(_kill(turns, *each) for each in done))


def _kill(
    turns: Sequence[SaidTurn], names: tuple[str, ...], at: float, whole_seconds: float
) -> Kill:
    touched = (t for t in turns if t.began < at + whole_seconds and t.began + t.seconds > at)
    return Kill(names, at, whole_seconds, tuple(touched))
