"""What it costs: servers of one's own, and a price per token. All prices are the reader's."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.sizing.limits import SizingError, amount, count
from course_lib.sizing.workload import Workload

HOURS_PER_MONTH = 730
"""Hours of an average month: 365 * 24 / 12."""


@dataclass(frozen=True)
class OwnServer:
    """One server that you buy, in one currency.

    Args:
        price: what it costs to buy.
        months: how long it is used.
        watts: power that it draws on average, with its cooling.
        price_per_kwh: price of electricity.
        other_per_month: space, network and maintenance of one server.

    Raises:
        SizingError: a number is out of range.
    """

    price: float
    months: float
    watts: float
    price_per_kwh: float
    other_per_month: float = 0

    def __post_init__(self) -> None:
        amount("months", self.months, above=0)
        for name in ("price", "watts", "price_per_kwh", "other_per_month"):
            amount(name, getattr(self, name))

    @property
    def purchase(self) -> float:
        """The part of the price that falls on one month."""
        return self.price / self.months

    @property
    def electricity(self) -> float:
        """Electricity of one month. A server that waits for requests draws power too."""
        return self.watts / 1000 * HOURS_PER_MONTH * self.price_per_kwh

    def per_month(self, servers: int = 1, *, staff: float = 0) -> float:
        """Return what a group of such servers costs in one month.

        Args:
            servers: how many, the spare ones included.
            staff: what the people who run them cost in one month.

        Raises:
            SizingError: a number is negative, or there is no server.
        """
        each = self.purchase + self.electricity + self.other_per_month
        return count("servers", servers) * each + amount("staff", staff)


def cost_per_1000_turns(per_month: float, turns_per_month: float) -> float:
    """Return what a thousand turns cost on servers with a fixed monthly price.

    Args:
        per_month: what the servers cost in one month.
        turns_per_month: how many turns they answer in it.

    Raises:
        SizingError: the price is negative, or there are no turns.
    """
    return (
        amount("per_month", per_month) / amount("turns_per_month", turns_per_month, above=0) * 1000
    )


def token_cost(workload: Workload, *, prompt_price: float, answer_price: float) -> float:
    """Return what a thousand turns cost where each token has a price.

    Args:
        workload: what people ask for.
        prompt_price: price of a million prompt tokens.
        answer_price: price of a million answer tokens.

    Raises:
        SizingError: a price is negative.
    """
    each = (
        workload.prompt_tokens * amount("prompt_price", prompt_price)
        + workload.answer_tokens * amount("answer_price", answer_price)
    ) / 1e6
    return 1000 * workload.requests_per_turn * each


def break_even_turns(per_month: float, per_1000_turns: float) -> float:
    """Return the number of turns a month above which the fixed price is lower.

    Args:
        per_month: what the servers cost in one month.
        per_1000_turns: what a thousand turns cost by the token.

    Raises:
        SizingError: the first is negative, or the second is not above zero.
    """
    each = amount("per_1000_turns", per_1000_turns)
    if each == 0:
        raise SizingError("per_1000_turns is 0. Nothing is cheaper than a price of zero.")
    return amount("per_month", per_month) / each * 1000
