"""Chapter 16, Size it."""

from answers import Answers

CHAPTER = "16"

SETUP = '''
import math
from collections import defaultdict
from statistics import mean

import numpy as np

RIGHT = {
    "KV bytes per token, twice the layers": 2,
    "KV bytes per token, twice the query heads": 1,
    "KV bytes per token, half the key-value heads": 0.5,
    "KV bytes per token, 4-bit weights": 1,
    "KV bytes per token, an FP8 cache": 0.5,
    "KV bytes of a token on each GPU, 4 GPUs instead of 2": 0.5,
    "KV bytes of a token on each GPU, 16 GPUs instead of 8": 1,
    "bytes of the weights, float32 instead of bfloat16": 2,
}


def servers(need, speed, spare=1):
    return math.ceil(need / (0.6 * speed)) + spare


def cost(requests, prompt_price, answer_price):
    """What some requests cost, with prices for a million tokens."""
    return sum(p * prompt_price + a * answer_price for p, a in requests) / 1e6
'''

ANSWERS = {
    1: Answers(
        right=(
            "dict(RIGHT)",
            "{case: float(factor) for case, factor in RIGHT.items()}",
            "{case: np.float64(factor) for case, factor in RIGHT.items()}",
        ),
        wrong=(
            "{**RIGHT, 'KV bytes per token, twice the query heads': 2}",
            "{**RIGHT, 'KV bytes per token, 4-bit weights': 0.25}",
            "{**RIGHT, 'KV bytes of a token on each GPU, 16 GPUs instead of 8': 0.5}",
            "{**RIGHT, 'KV bytes of a token on each GPU, 4 GPUs instead of 2': 1}",
            "{**RIGHT, 'KV bytes per token, an FP8 cache': 1}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(log):
                by_turn = defaultdict(list)
                for turn, prompt, each in log:
                    by_turn[turn].append((prompt, each))
                rows = [row for rows in by_turn.values() for row in rows]
                return len(rows) / len(by_turn), mean(p for p, _ in rows), mean(a for _, a in rows)
            """,
            """
            def answer(log):
                names, prompts, answers = zip(*log)
                return [len(names) / len(set(names)), np.mean(prompts), np.mean(answers)]
            """,
            """
            def answer(log):
                turns, prompts, answers, count = set(), 0, 0, 0
                for turn, prompt, each in log:
                    turns.add(turn)
                    prompts, answers, count = prompts + prompt, answers + each, count + 1
                return (count / len(turns), prompts / count, answers / count)
            """,
        ),
        wrong=(
            """
            def answer(log):
                turns = {turn for turn, _, _ in log}
                prompts, answers = sum(p for _, p, _ in log), sum(a for _, _, a in log)
                return len(log) / len(turns), prompts / len(turns), answers / len(turns)
            """,
            """
            def answer(log):
                last = {turn: (p, a) for turn, p, a in log}
                rows = list(last.values())
                return len(log) / len(last), mean(p for p, _ in rows), mean(a for _, a in rows)
            """,
            """
            def answer(log):
                by_turn = defaultdict(list)
                for turn, p, a in log:
                    by_turn[turn].append((p, a))
                each = [mean(p for p, _ in rows) for rows in by_turn.values()]
                out = [mean(a for _, a in rows) for rows in by_turn.values()]
                return len(log) / len(by_turn), mean(each), mean(out)
            """,
            """
            def answer(log):
                changes = 1 + sum(a[0] != b[0] for a, b in zip(log, log[1:]))
                return len(log) / changes, mean(p for _, p, _ in log), mean(a for _, _, a in log)
            """,
            "lambda log: len(log) / len({turn for turn, _, _ in log})",
            """
            def answer(log):
                turns = {turn for turn, _, _ in log}
                prompts, answers = mean(p for _, p, _ in log), mean(a for _, _, a in log)
                return len(log) // len(turns), prompts, round(answers)
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(memory, weights, per_token, tokens):
                room = memory * 9 / 10 - weights
                return max(math.floor(room / (per_token * tokens)), 0)
            """,
            """
            def answer(memory, weights, per_token, tokens):
                fits = np.floor((0.9 * memory - weights) / per_token / tokens)
                return np.int64(max(fits, 0))
            """,
            """
            def answer(memory, weights, per_token, tokens):
                free, count = 0.9 * memory - weights, 0
                while free >= per_token * tokens:
                    free, count = free - per_token * tokens, count + 1
                return count
            """,
        ),
        wrong=(
            "lambda memory, weights, each, n: max(0, int((memory - weights) // (each * n)))",
            "lambda memory, weights, each, n: int((0.9 * memory - weights) // (each * n))",
            "lambda memory, weights, each, n: max(0, (0.9 * memory - weights) // (each * n))",
            "lambda memory, weights, each, n: max(0, round((0.9 * memory - weights) / (each * n)))",
            "lambda memory, weights, each, n: int((0.9 * memory - weights) / (each * n))",
            "lambda memory, weights, each, n: abs(int((0.9 * memory - weights) / (each * n)))",
            "lambda memory, weights, each, n: max(0, int(0.9 * (memory - weights) / (each * n)))",
            "lambda memory, weights, each, n: max(1, int((0.9 * memory - weights) / (each * n)))",
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(loads, need, limit):
                best = max(speed for _, speed, first in loads if first <= limit)
                count = 1
                while (count - 1) * 0.6 * best < need:
                    count += 1
                return count
            """,
            """
            def answer(loads, need, limit):
                table = np.array(loads)
                fast = table[table[:, 2] <= limit]
                if not len(fast):
                    raise ValueError("too slow")
                return np.ceil(need / (fast[:, 1].max() * 0.6)) + 1
            """,
            """
            def answer(loads, need, limit):
                best = 0
                for _, speed, first in loads:
                    if first <= limit and speed > best:
                        best = speed
                if best == 0:
                    raise ValueError(f"nothing within {limit} s")
                return int(-(-need // (0.6 * best))) + 1
            """,
        ),
        wrong=(
            "lambda loads, need, limit: servers(need, max(speed for _, speed, _ in loads))",
            "lambda l, need, limit: servers(need, max(s for _, s, f in l if f <= limit), 0)",
            "lambda l, need, limit: servers(need, max(s for _, s, f in l if f < limit))",
            "lambda l, need, limit: servers(need, max([s for _, s, f in l if f <= limit] or [9]))",
            "lambda l, need, limit: servers(need, max((n, s) for n, s, f in l if f <= limit)[1])",
            "lambda l, need, limit: round(need / max(0.6 * s for _, s, f in l if f <= limit)) + 1",
            """
            def answer(loads, need, limit):
                best = 0
                for _, speed, first in sorted(loads):
                    if first > limit:
                        break
                    best = max(best, speed)
                return servers(need, max([best] if best else []))
            """,
            """
            def answer(loads, need, limit):
                fast = [speed for _, speed, first in loads if first <= limit]
                return servers(need, fast[-1] if fast else max([]))
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(turns, prompt_price, answer_price):
                if len(turns) == 0:
                    raise ValueError("no turns")
                requests = [request for turn in turns for request in turn]
                return cost(requests, prompt_price, answer_price) / len(turns) * 1000
            """,
            """
            def answer(turns, prompt_price, answer_price):
                if not turns:
                    raise ValueError("no turns")
                return mean(cost(turn, prompt_price, answer_price) for turn in turns) * 1000
            """,
            """
            def answer(turns, prompt_price, answer_price):
                if not turns:
                    raise ValueError("no turns")
                prompts = sum(prompt for turn in turns for prompt, _ in turn)
                answers = sum(each for turn in turns for _, each in turn)
                whole = np.dot([prompts, answers], [prompt_price, answer_price])
                return whole / len(turns) / 1000
            """,
        ),
        wrong=(
            """
            def answer(turns, prompt_price, answer_price):
                costs = [cost(turn[-1:], prompt_price, answer_price) for turn in turns]
                return 1000 * sum(costs) / len(costs)
            """,
            """
            def answer(turns, prompt_price, answer_price):
                if not turns:
                    raise ValueError("no turns")
                requests = [request for turn in turns for request in turn]
                return cost(requests, prompt_price, answer_price) / len(requests) * 1000
            """,
            """
            def answer(turns, prompt_price, answer_price):
                if not turns:
                    raise ValueError("no turns")
                costs = [cost([(t[-1][0], sum(a for _, a in t))], prompt_price, answer_price)
                         for t in turns]
                return 1000 * sum(costs) / len(costs)
            """,
            """
            def answer(turns, prompt_price, answer_price):
                costs = [cost(turn, prompt_price, answer_price) for turn in turns]
                return 1000 * sum(costs) / max(len(costs), 1)
            """,
            """
            def answer(turns, prompt_price, answer_price):
                if not turns:
                    raise ValueError("no turns")
                costs = [cost(turn, answer_price, prompt_price) for turn in turns]
                return 1000 * sum(costs) / len(costs)
            """,
            """
            def answer(turns, prompt_price, answer_price):
                if not turns:
                    raise ValueError("no turns")
                return sum(cost(turn, prompt_price, answer_price) for turn in turns) / len(turns)
            """,
        ),
    ),
}
