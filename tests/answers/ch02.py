"""Chapter 02, Choose a reducer."""

from answers import Answers

CHAPTER = "02"

SETUP = """
import operator
from collections import Counter, deque
from dataclasses import dataclass
from itertools import chain
from typing import Annotated

from langchain_core.messages import RemoveMessage
from langgraph.channels import LastValue
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from pydantic import BaseModel
from typing_extensions import TypedDict


def union(left, right):
    return list(dict.fromkeys([*left, *right]))


def tally(left, right):
    return {key: left.get(key, 0) + right.get(key, 0) for key in {**left, **right}}


class Tallied(TypedDict):
    votes: Annotated[dict[str, int], tally]


CHOICES = {
    "last_query": "last value",
    "tool_log": "operator.add",
    "seen_ids": "union",
    "messages": "add_messages",
}
"""

ANSWERS = {
    1: Answers(
        right=(
            "dict(reversed(CHOICES.items()))",
            "{**CHOICES, 'tool_log': operator.add, 'seen_ids': union, 'messages': add_messages}",
            "{**CHOICES, 'last_query': None, 'messages': add_messages}",
            "{**CHOICES, 'last_query': LastValue}",
        ),
        wrong=(
            "{**CHOICES, 'tool_log': 'union', 'seen_ids': 'operator.add'}",
            "{**CHOICES, 'tool_log': 'add_messages', 'messages': 'operator.add'}",
            "{'last_query': 'last value'}",
            "['last value', 'operator.add', 'union', 'add_messages']",
            "{**CHOICES, 'messages': operator.add}",
            "{**CHOICES, 'last_query': union}",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(left, right):
                result = list(left)
                for item in right:
                    if item not in result:
                        result.append(item)
                return result
            """,
            """
            def answer(left, right):
                seen = set(left)
                return left + [x for x in right if not (x in seen or seen.add(x))]
            """,
            "lambda a, b: list({x: None for x in chain(a, b)})",
            "lambda a, b: sorted({*a, *b}, key=[*a, *b].index)",
        ),
        wrong=(
            "lambda a, b: list({*a, *b})",
            "lambda a, b: list(set(a) | set(b))",
            "lambda a, b: sorted({*a, *b})",
            "operator.add",
            "lambda a, b: {*a, *b}",
            "lambda a, b: print(end='')",
            "lambda a, b: a + [x for x in b if x not in a]",
            "lambda a, b: list(dict.fromkeys([*b, *a]))",
            "lambda a, b: a + sorted({*b} - {*a})",
            "lambda a, b: a + list({*b} - {*a})",
            """
            def answer(left, right):
                left += [x for x in right if x not in left]
                return left
            """,
        ),
    ),
    3: Answers(
        right=(
            "lambda a, b: list(deque([*a, *b], maxlen=3))",
            """
            def answer(left, right):
                joined = left + right
                return joined[max(0, len(joined) - 3) :]
            """,
            """
            def answer(left, right):
                joined = list(left)
                for item in right:
                    joined.append(item)
                while len(joined) > 3:
                    del joined[0]
                return joined
            """,
        ),
        wrong=(
            "lambda a, b: [*a, *b][:3]",
            "lambda a, b: [*a, *b[-3:]]",
            "lambda a, b: b[-3:]",
            "lambda a, b: list(dict.fromkeys([*a, *b]))[-3:]",
            "lambda a, b: [*b, *a][:3]",
            "lambda a, b: [*a, *b][-3:] if a else b",
            "lambda a, b: [*a, *b][1:] if len(a) >= 3 else [*a, *b]",
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(messages):
                last = max(i for i, m in enumerate(messages) if m.type == "human")
                return [RemoveMessage(id=REMOVE_ALL_MESSAGES), *messages[:last]]
            """,
            """
            def answer(messages):
                gone = []
                for message in reversed(messages):
                    gone.append(RemoveMessage(id=message.id))
                    if message.type == "human":
                        return gone
            """,
            """
            def answer(messages):
                kept = list(messages)
                while kept.pop().type != "human":
                    pass
                return [RemoveMessage(id=m.id) for m in messages if m not in kept]
            """,
        ),
        wrong=(
            "lambda messages: messages[:-1]",
            "lambda messages: [RemoveMessage(id=messages[-1].id)]",
            "lambda messages: [RemoveMessage(id=m.id) for m in messages if m.type == 'human']",
            "lambda messages: 'gone'",
            "lambda messages: [m.id for m in messages]",
            "lambda messages: [RemoveMessage(id=m.id) for m in messages]",
            "lambda messages: [RemoveMessage(id=m.id) for m in messages[-2:]]",
            "lambda messages: [RemoveMessage(id=m.id) for m in messages[-3:]]",
        ),
    ),
    5: Answers(
        right=(
            """
            def tally(left, right):
                total = Counter(left)
                total.update(right)
                return dict(total)


            class Poll(TypedDict):
                votes: Annotated[dict, tally]


            answer = (tally, Poll)
            """,
            """
            def count(left, right):
                result = dict(left)
                for name, number in right.items():
                    result[name] = result.get(name, 0) + number
                return result


            class Poll(BaseModel):
                votes: Annotated[dict[str, int], count] = {}


            answer = (count, Poll)
            """,
            """
            @dataclass
            class Poll:
                votes: Annotated[dict[str, int], lambda left, right: tally(left, right)]


            answer = (lambda left, right: Counter(left) + Counter(right), Poll)
            """,
        ),
        wrong=(
            "(lambda a, b: {**a, **b}, Tallied)",
            "({'park': 1}, Tallied)",
            "tally",
            "(lambda a, b: {key: a.get(key, 0) + b[key] for key in b}, Tallied)",
            """
            class Poll(TypedDict):
                votes: dict[str, int]


            answer = (tally, Poll)
            """,
            """
            class Poll(TypedDict):
                counts: Annotated[dict[str, int], tally]


            answer = (tally, Poll)
            """,
            """
            class Poll(TypedDict):
                votes: Annotated[dict[str, int], lambda left, right: {**left, **right}]


            answer = (tally, Poll)
            """,
            """
            def mutating(left, right):
                for key, count in right.items():
                    left[key] = left.get(key, 0) + count
                return left


            answer = (mutating, Tallied)
            """,
        ),
    ),
}
