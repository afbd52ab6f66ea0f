"""What people ask for: from people a day to requests and tokens a second."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.sizing.limits import amount, share

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Workload:
    """What an assistant has to answer.

    Args:
        people_per_day: people who use it on one day.
        turns_per_person: messages that one of them sends.
        busy_hour_share: share of the day's turns that falls into the busiest hour.
        requests_per_turn: requests to the model that one turn makes.
        prompt_tokens: tokens of the prompt of one request, on average.
        answer_tokens: tokens of the answer to one request, on average.

    Raises:
        SizingError: a number is not above zero, or the share is above 1.
    """

    people_per_day: float
    turns_per_person: float
    busy_hour_share: float
    requests_per_turn: float
    prompt_tokens: float
    answer_tokens: float

    def __post_init__(self) -> None:
        for name in ("people_per_day", "turns_per_person", "requests_per_turn"):
            amount(name, getattr(self, name), above=0)
        for name in ("prompt_tokens", "answer_tokens"):
            amount(name, getattr(self, name), above=0)
        share("busy_hour_share", self.busy_hour_share)

    @property
    def turns_per_day(self) -> float:
        """Turns of all people on one day."""
        return self.people_per_day * self.turns_per_person

    @property
    def peak_turns(self) -> float:
        """Turns per second, on average over the busiest hour."""
        return self.turns_per_day * self.busy_hour_share / SECONDS_PER_HOUR

    @property
    def peak_requests(self) -> float:
        """Requests to the model per second, in the same hour."""
        return self.peak_turns * self.requests_per_turn

    def turns_per_month(self, days: float = 30) -> float:
        """Turns in one month.

        Args:
            days: how many days of a month people come.

        Raises:
            SizingError: the number of days is not above zero.
        """
        return self.turns_per_day * amount("days", days, above=0)


def request_seconds(
    prompt_tokens: float, answer_tokens: float, *, prefill: float, decode: float
) -> float:
    """Return how long one request takes on a server that does nothing else.

    Args:
        prompt_tokens: tokens of the prompt; those from the prefix cache do not count.
        answer_tokens: tokens of the answer.
        prefill: prompt tokens that the server reads per second.
        decode: tokens that it writes per second for one request.

    Raises:
        SizingError: a speed is not above zero, or a number of tokens is negative.
    """
    reading = amount("prompt_tokens", prompt_tokens) / amount("prefill", prefill, above=0)
    writing = amount("answer_tokens", answer_tokens) / amount("decode", decode, above=0)
    return reading + writing
