"""The graph of appendix A2's exercise 3: an office that bills tickets, with a node to repair."""

from __future__ import annotations

from typing import Any

from langgraph.channels import EphemeralValue, LastValue, Topic
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import NodeBuilder, Pregel

GROUP = 10
"""From so many tickets on, each of them costs 2,000 won instead of 3,000."""


def price_of(count: int) -> int:
    """Return what a number of tickets costs, in won."""
    return count * (2000 if count >= GROUP else 3000)


def bill_text(state: dict[str, Any]) -> str:
    """Write a bill from the channels `count` and `price`; a `?` stands for one that is not there.

    Args:
        state: the values of the channels that the node reads.
    """
    return f"{state.get('count', '?')} tickets: {state.get('price', '?')} won"


def ticket_office(bill: Any, saver: BaseCheckpointSaver) -> Pregel:
    """Return the office: an order is a number of tickets, and every order should be billed once.

    Args:
        bill: the node that writes to `bills`, as a `NodeBuilder` or built.
        saver: where the threads are kept.
    """
    return Pregel(
        nodes={
            "count": NodeBuilder().subscribe_only("order").write_to("count"),
            "price": NodeBuilder().subscribe_only("count").do(price_of).write_to("price"),
            "bill": bill,
        },
        channels={
            "order": EphemeralValue(int),
            "count": LastValue(int),
            "price": LastValue(int),
            "bills": Topic(str, accumulate=True),
        },
        input_channels="order",
        output_channels="bills",
        checkpointer=saver,
    )
