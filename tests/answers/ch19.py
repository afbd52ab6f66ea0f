"""Chapter 19, Test it."""

from answers import Answers

CHAPTER = "19"

SETUP = """
import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

RIGHT = {
    "strict, the three calls": True,
    "strict, names only": True,
    "strict, the search once": False,
    "unordered, the booking first": True,
    "unordered, the search once": False,
    "subset, a cancellation more": True,
    "subset, the search once": False,
    "superset, only the booking": True,
    "superset, the booking for 4": False,
    "superset, the search three times": False,
}


def apply(turns, action):
    name, text, number = action
    if name != "edit":
        return [*turns, text]
    return [*turns[:number], text] if number < len(turns) else turns


def act(chat, action):
    name, text, number = action
    if name == "edit":
        chat.edit(text, number)
    else:
        getattr(chat, name)(text)


def random_search(make_chat, texts=("a", "b", ""), names=("say", "stop", "edit"), sequences=1500):
    draw = random.Random(0)
    for _ in range(sequences):
        chat, turns = make_chat(), []
        for _ in range(5):
            action = draw.choice(names), draw.choice(texts), draw.randrange(4)
            act(chat, action)
            turns = apply(turns, action)
        if chat.turns() != turns:
            return True
    return False
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{**RIGHT, 'one case more': True}",
            "{case: int(said) for case, said in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, True)",
            "{**RIGHT, 'strict, names only': False}",
            "{**RIGHT, 'unordered, the search once': True}",
            "{**RIGHT, 'subset, a cancellation more': False}",
            "{**RIGHT, 'subset, the search once': True}",
            "{**RIGHT, 'superset, only the booking': False}",
            "{**RIGHT, 'superset, the booking for 4': True}",
            "{**RIGHT, 'superset, the search three times': True}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(expect, places):
                rules = {
                    "category": lambda wanted: bool(places) and all(
                        place["category"] in wanted for place in places
                    ),
                    "max_price": lambda bound: bool(places) and all(
                        place["price_level"] <= bound for place in places
                    ),
                    "not_ids": lambda ids: all(place["id"] not in ids for place in places),
                }
                if not set(expect) <= set(rules):
                    raise ValueError(expect)
                return all(rules[key](value) for key, value in expect.items())
            """,
            """
            async def answer(expect, places):
                for key, wanted in sorted(expect.items()):
                    if key == "category":
                        good = {place["category"] for place in places}
                        holds = bool(good) and good <= set(wanted)
                    elif key == "max_price":
                        holds = max((p["price_level"] for p in places), default=99) <= wanted
                    elif key == "not_ids":
                        holds = not {place["id"] for place in places} & set(wanted)
                    else:
                        raise ValueError(key)
                    if not holds:
                        return False
                return True
            """,
            """
            def answer(expect, places):
                left = dict(expect)
                kinds, bound = left.pop("category", None), left.pop("max_price", None)
                ids = left.pop("not_ids", ())
                if left:
                    raise ValueError("unknown")
                if (kinds is not None or bound is not None) and len(places) == 0:
                    return 0
                for place in places:
                    if kinds is not None and place["category"] not in kinds:
                        return 0
                    if bound is not None and place["price_level"] > bound:
                        return 0
                    if place["id"] in ids:
                        return 0
                return 1
            """,
        ),
        wrong=(
            """
            def answer(expect, places):  # never complains
                return True
            """,
            """
            def answer(expect, places):  # one place that fits is enough
                if set(expect) - {"category", "max_price", "not_ids"}:
                    raise ValueError
                return (
                    ("category" not in expect
                     or any(p["category"] in expect["category"] for p in places))
                    and ("max_price" not in expect
                         or any(p["price_level"] <= expect["max_price"] for p in places))
                    and not any(p["id"] in expect.get("not_ids", ()) for p in places)
                )
            """,
            """
            def answer(expect, places):  # no places fit every rule
                if set(expect) - {"category", "max_price", "not_ids"}:
                    raise ValueError
                return all(
                    p["category"] in expect.get("category", [p["category"]])
                    and p["price_level"] <= expect.get("max_price", 99)
                    and p["id"] not in expect.get("not_ids", ())
                    for p in places
                )
            """,
            """
            def answer(expect, places):  # a highest price of 0 is not checked
                if set(expect) - {"category", "max_price", "not_ids"}:
                    raise ValueError
                bound = expect.get("max_price") or 99
                if not places and {"category", "max_price"} & set(expect):
                    return False
                return all(
                    p["category"] in expect.get("category", [p["category"]])
                    and p["price_level"] <= bound
                    and p["id"] not in expect.get("not_ids", ())
                    for p in places
                )
            """,
            """
            def answer(expect, places):  # a place at the highest price is refused
                if set(expect) - {"category", "max_price", "not_ids"}:
                    raise ValueError
                if not places and {"category", "max_price"} & set(expect):
                    return False
                return all(
                    p["category"] in expect.get("category", [p["category"]])
                    and p["price_level"] < expect.get("max_price", 99)
                    and p["id"] not in expect.get("not_ids", ())
                    for p in places
                )
            """,
            """
            def answer(expect, places):  # a mistyped key checks nothing
                if not places and {"category", "max_price"} & set(expect):
                    return False
                return all(
                    p["category"] in expect.get("category", [p["category"]])
                    and p["price_level"] <= expect.get("max_price", 99)
                    and p["id"] not in expect.get("not_ids", ())
                    for p in places
                )
            """,
            """
            def answer(expect, places):  # stops at the first key that holds
                for key, wanted in expect.items():
                    if key == "category":
                        return bool(places) and all(p["category"] in wanted for p in places)
                    if key == "max_price":
                        return bool(places) and all(p["price_level"] <= wanted for p in places)
                    if key == "not_ids":
                        return all(p["id"] not in wanted for p in places)
                    raise ValueError
                return True
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(old, new):
                draw = np.random.default_rng(5)
                differences = np.array(new) - np.array(old)
                chosen = draw.integers(0, len(differences), (8000, len(differences)))
                return tuple(np.quantile(differences[chosen].mean(axis=1), [0.025, 0.975]))
            """,
            """
            def answer(old, new):
                pairs, means = list(zip(old, new)), []
                for _ in range(6000):
                    drawn = random.choices(pairs, k=len(pairs))
                    means.append(sum(b - a for a, b in drawn) / len(pairs))
                means.sort()
                return [means[150], means[5849]]
            """,
            """
            async def answer(old, new):
                count, means = len(old), []
                for _ in range(5000):
                    rows = [random.randrange(count) for _ in range(count)]
                    before = sum(old[row] for row in rows) / count
                    means.append(sum(new[row] for row in rows) / count - before)
                low, high = np.percentile(means, (2.5, 97.5))
                return low, high
            """,
        ),
        wrong=(
            """
            def answer(old, new):  # the versions are drawn separately
                means = []
                for _ in range(5000):
                    one = random.choices(old, k=len(old))
                    other = random.choices(new, k=len(new))
                    means.append((sum(other) - sum(one)) / len(old))
                means.sort()
                return means[125], means[4874]
            """,
            """
            def answer(old, new):  # without repeats every draw is the same
                differences = [b - a for a, b in zip(old, new)]
                means = sorted(
                    sum(random.sample(differences, len(differences))) / len(differences)
                    for _ in range(5000)
                )
                return means[125], means[4874]
            """,
            """
            def answer(old, new):  # the wrong way round
                differences = [a - b for a, b in zip(old, new)]
                means = sorted(
                    sum(random.choices(differences, k=len(differences))) / len(differences)
                    for _ in range(5000)
                )
                return means[125], means[4874]
            """,
            """
            def answer(old, new):  # where single differences lie, not their mean
                differences = sorted(b - a for a, b in zip(old, new))
                return differences[1], differences[-2]
            """,
            """
            def answer(old, new):  # half of the draws
                differences = [b - a for a, b in zip(old, new)]
                means = sorted(
                    sum(random.choices(differences, k=len(differences))) / len(differences)
                    for _ in range(5000)
                )
                return means[1250], means[3749]
            """,
            """
            def answer(old, new):  # the sum of the differences
                differences = [b - a for a, b in zip(old, new)]
                sums = sorted(
                    sum(random.choices(differences, k=len(differences))) for _ in range(5000)
                )
                return sums[125], sums[4874]
            """,
            """
            def answer(old, new):  # a bell curve, also where there is none
                differences = np.array(new) - np.array(old)
                error = 1.96 * differences.std() / len(differences) ** 0.5
                return differences.mean() - error, differences.mean() + error
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(first, second):
                n, labels = len(first), set(first) | set(second)
                observed = sum(a == b for a, b in zip(first, second)) / n
                expected = sum(first.count(x) / n * (second.count(x) / n) for x in labels)
                if abs(1 - expected) < 1e-12:
                    return 1
                return (observed - expected) / (1 - expected)
            """,
            """
            def answer(first, second):
                one, other = np.array(first), np.array(second)
                expected = sum((one == x).mean() * (other == x).mean() for x in set(first))
                same = (one == other).mean()
                return 1.0 if expected == 1 else (same - expected) / (1 - expected)
            """,
            """
            async def answer(first, second):
                from fractions import Fraction

                n = len(first)
                pairs = Counter(zip(first, second))
                ones, others = Counter(first), Counter(second)
                observed = Fraction(sum(pairs[x, x] for x in ones), n)
                expected = Fraction(sum(ones[x] * others[x] for x in others), n * n)
                if expected == 1:
                    return 1
                return (observed - expected) / (1 - expected)
            """,
        ),
        wrong=(
            """
            def answer(first, second):  # the share of equal labels
                return sum(a == b for a, b in zip(first, second)) / len(first)
            """,
            """
            def answer(first, second):  # chance as if every label were as frequent
                observed = sum(a == b for a, b in zip(first, second)) / len(first)
                expected = 1 / len(set(first) | set(second))
                return 1 if expected == 1 else (observed - expected) / (1 - expected)
            """,
            """
            def answer(first, second):  # the frequencies of both judges together
                n = len(first)
                observed = sum(a == b for a, b in zip(first, second)) / n
                both = Counter([*first, *second])
                expected = sum((count / (2 * n)) ** 2 for count in both.values())
                return 1 if expected == 1 else (observed - expected) / (1 - expected)
            """,
            """
            def answer(first, second):  # never below 0
                n = len(first)
                observed = sum(a == b for a, b in zip(first, second)) / n
                expected = sum(first.count(x) * second.count(x) for x in set(first)) / n**2
                return 1 if expected == 1 else max(0, (observed - expected) / (1 - expected))
            """,
            """
            def answer(first, second):  # rounded
                n = len(first)
                observed = sum(a == b for a, b in zip(first, second)) / n
                expected = sum(first.count(x) * second.count(x) for x in set(first)) / n**2
                found = 1 if expected == 1 else (observed - expected) / (1 - expected)
                return round(found, 2)
            """,
            """
            def answer(first, second):  # not divided
                n = len(first)
                observed = sum(a == b for a, b in zip(first, second)) / n
                expected = sum(first.count(x) * second.count(x) for x in set(first)) / n**2
                return 1 if expected == 1 else observed - expected
            """,
            """
            def answer(first, second):  # 0 where the formula divides by 0
                n = len(first)
                observed = sum(a == b for a, b in zip(first, second)) / n
                expected = sum(first.count(x) * second.count(x) for x in set(first)) / n**2
                return 0 if expected == 1 else (observed - expected) / (1 - expected)
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(make_chat):
                return random_search(make_chat)
            """,
            """
            def answer(make_chat):
                import itertools

                actions = [(name, text, 0) for name in ("say", "stop") for text in ("a", "b", "")]
                actions += [("edit", text, n) for text in ("a", "b") for n in range(3)]
                for length in range(5):
                    for sequence in itertools.product(actions, repeat=length):
                        chat, turns = make_chat(), []
                        for action in sequence:
                            act(chat, action)
                            turns = apply(turns, action)
                        if chat.turns() != turns:
                            return True
                return False
            """,
            """
            async def answer(make_chat):
                names = st.sampled_from(["say", "stop", "edit"])
                action = st.tuples(names, st.sampled_from(["", "a", "b"]), st.integers(0, 3))

                @settings(derandomize=True, database=None, deadline=None, max_examples=600)
                @given(st.lists(action, max_size=5))
                def keeps(actions):
                    chat, turns = make_chat(), []
                    for each in actions:
                        act(chat, each)
                        turns = apply(turns, each)
                        assert chat.turns() == turns

                try:
                    keeps()
                except BaseException:
                    return 1
                return 0
            """,
        ),
        wrong=(
            """
            def answer(make_chat):  # finds nothing
                return False
            """,
            """
            def answer(make_chat):  # suspects every chat
                return True
            """,
            """
            def answer(make_chat):  # one example
                chat = make_chat()
                chat.say("a")
                chat.stop("b")
                chat.edit("c", 1)
                return chat.turns() != ["a", "c"]
            """,
            """
            def answer(make_chat):  # no empty text
                return random_search(make_chat, texts=("a", "b"))
            """,
            """
            def answer(make_chat):  # never an equal text
                draw = random.Random(0)
                for _ in range(500):
                    chat, turns = make_chat(), []
                    for text in draw.sample(["a", "b", "c", "d", ""], 5):
                        action = draw.choice(["say", "stop", "edit"]), text, draw.randrange(4)
                        act(chat, action)
                        turns = apply(turns, action)
                    if chat.turns() != turns:
                        return True
                return False
            """,
            """
            def answer(make_chat):  # no edit
                return random_search(make_chat, names=("say", "stop"))
            """,
            """
            def answer(make_chat):  # no stop
                return random_search(make_chat, names=("say", "edit"))
            """,
            """
            def answer(make_chat):  # counts the turns, and does not read them
                draw = random.Random(0)
                for _ in range(500):
                    chat, turns = make_chat(), []
                    for _ in range(5):
                        name = draw.choice(["say", "stop", "edit"])
                        action = name, draw.choice(["a", "b"]), draw.randrange(4)
                        act(chat, action)
                        turns = apply(turns, action)
                    if len(chat.turns()) < len(turns):
                        return True
                return False
            """,
        ),
    ),
}
