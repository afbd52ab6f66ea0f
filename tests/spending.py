"""Long dialogues with Namu, counted: how many turns were right, and what they cost in tokens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.evaluation import complaints
from course_lib.models import OfflineChatModel
from course_lib.models.gateway.sizes import SIZES, as_read_by
from course_lib.namu import build_namu
from course_lib.namu.routing import route_turn
from course_lib.settings import DATA

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

    from course_lib.namu.routing import Router


class SizedModel(OfflineChatModel):
    """A size of the model as the gateway serves it, without a server."""

    size: str = "large"

    def _answer(self, messages: list[BaseMessage], *given: Any) -> AIMessage:
        return super()._answer(as_read_by(messages, SIZES[self.size]), *given)


def sized_models() -> dict[str, BaseChatModel]:
    """Return the three sizes by their names, the smallest first."""
    return {size: SizedModel(size=size) for size in SIZES}


BAR = 0.45
"""Share of the plain Namu's input tokens that the routed one may use at most."""


@dataclass
class Bill:
    """What some dialogues cost, and what they were worth.

    Args:
        right: turns that were right.
        turns: all turns.
        tokens: input tokens by the model that read them.
        routes: turns by the size that was chosen for them.
    """

    right: int = 0
    turns: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Input tokens of all models."""
        return self.tokens.total()


def long_dialogues() -> list[dict[str, Any]]:
    lines = (DATA / "dialogues_long.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def hold(
    dialogues: Sequence[Mapping[str, Any]], model: BaseChatModel, router: Router | None = None
) -> Bill:
    """Hold the dialogues, each on a thread of its own and all for one tenant."""
    namu = build_namu(model=model, checkpointer=InMemorySaver())
    bill, usage = Bill(), UsageMetadataCallbackHandler()
    for dialogue in dialogues:
        past: list[Any] = []
        for turn in dialogue["turns"]:
            config: Any = {
                "configurable": {"thread_id": dialogue["name"]},
                "metadata": {"tenant": "the benchmark"},
                "callbacks": [usage],
            }
            if router:
                config = route_turn(router, turn["user"], config)
                bill.routes[config["metadata"]["route"]] += 1
            state = namu.invoke({"messages": [{"role": "user", "content": turn["user"]}]}, config)
            bill.turns += 1
            bill.right += not complaints(turn["expect"], state, past)
            past.append(state.get("last_recommended_places") or [])
    for name, used in usage.usage_metadata.items():
        bill.tokens[name] += used["input_tokens"]
    return bill
