"""Which size of model answers a turn, and where that and its reason are kept.

LangGraph writes the `metadata` of a run's config into every checkpoint of the run. A node cannot
change it any more, so the choice is made before the run:

    config = route_turn(route_by_rules, text, config)
    namu.invoke({"messages": [{"role": "user", "content": text}]}, config)
    list(saver.list(None, filter={"route": "small"}))      # the checkpoints of these turns
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

ROUTE, REASON = "route", "route_reason"
"""The keys of the choice in the metadata of a run, and so of its checkpoints."""


@dataclass(frozen=True)
class RouteChoice:
    """The choice of a router.

    Args:
        size: name of the model that is asked first.
        reason: why, in a few words for the person who reads the checkpoints.
    """

    size: str
    reason: str


Router = Callable[[str], RouteChoice]
"""A router: it reads the person's message and chooses a size."""


def route_turn(router: Router, text: str, config: RunnableConfig) -> RunnableConfig:
    """Choose a model for the next turn, and return a config that carries the choice.

    Args:
        router: makes the choice.
        text: the person's message.
        config: of the run; it is not changed.

    Returns:
        The config with `route` and `route_reason` in its metadata.
    """
    chosen = router(text)
    told = {ROUTE: chosen.size, REASON: chosen.reason}
    return {**config, "metadata": {**(config.get("metadata") or {}), **told}}
