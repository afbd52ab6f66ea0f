"""A plan that broke off at any write to the database goes on, and has every stop once."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.models import OfflineChatModel
from course_lib.operations.day_plan import build_day_plan, plan_stops

WISHES = ["a cafe in Jongno", "a park in Mapo"]


class Killed(BaseException):
    """The process ended here."""


class DyingSaver(InMemorySaver):
    """Dies before or after its nth write; what was written stays."""

    def __init__(self, last_write: int | None, *, after: bool) -> None:
        super().__init__()
        self.left, self.after, self.count = last_write, after, 0

    async def _write(self, work, *arguments):
        self.count += 1
        dies = self.count == self.left
        if dies and not self.after:
            raise Killed
        result = await work(*arguments)
        if dies:
            raise Killed
        return result

    async def aput(self, *arguments):
        return await self._write(super().aput, *arguments)

    async def aput_writes(self, *arguments):
        return await self._write(super().aput_writes, *arguments)


async def stops(saver: DyingSaver):
    graph = build_day_plan(OfflineChatModel(), saver)
    return [(number, stop["wish"]) async for number, stop in plan_stops(graph, "plan", WISHES)]


WHOLE = [(number, wish) for number, wish in enumerate(WISHES, 1)]


async def writes_of_a_whole_plan() -> int:
    saver = DyingSaver(None, after=False)
    assert await stops(saver) == WHOLE
    return saver.count


@pytest.mark.soak
@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
async def test_a_plan_that_dies_at_any_write_has_every_stop_once(after):
    count = await writes_of_a_whole_plan()
    assert count > len(WISHES)
    died = 0
    for write in range(1, count + 1):
        saver = DyingSaver(write, after=after)
        try:
            await stops(saver)
        except BaseException as error:  # noqa: BLE001  # LangGraph may wrap it
            died += isinstance(error, Killed) or "Killed" in repr(error)
        saver.left = None
        assert await stops(saver) == WHOLE, (write, after)
        state = await build_day_plan(OfflineChatModel(), saver).aget_state(
            {"configurable": {"thread_id": "plan"}}
        )
        assert [stop["wish"] for stop in state.values["stops"]] == WISHES, (write, after)
    assert died >= count - 1
