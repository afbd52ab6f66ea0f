"""Chapter 15, Serve the model yourself."""

from answers import Answers

CHAPTER = "15"

SETUP = '''
import contextlib
import math
import re

import numpy as np
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from prometheus_client.parser import text_string_to_metric_families

QUERIES, HITS = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"


def numbers(page, name):
    """The numbers of that name on a metrics page, one for each engine."""
    return [float(line.split()[-1]) for line in page.splitlines() if line.startswith(name)]


def servers(need, speed, spare=1):
    return math.ceil(need / (0.6 * speed)) + spare


def answering(say):
    """`steady_graph` with this way to ask the models."""

    def steady_graph(models, saver):
        def answer(state: MessagesState):
            return {"messages": [say(models, state["messages"])]}

        builder = StateGraph(MessagesState)
        builder.add_node(answer)
        return builder.add_edge(START, "answer").compile(checkpointer=saver)

    return steady_graph
'''

ANSWERS = {
    1: Answers(
        right=(
            "lambda layers, heads, width, each: np.int64(2 * layers * heads) * width * each",
            "lambda layers, heads, width, each: math.prod([2, layers, heads, width, each])",
            """
            def answer(layers, kv_heads, head_dim, bytes_each):
                key = value = kv_heads * head_dim * bytes_each
                return float(sum(key + value for _ in range(layers)))
            """,
        ),
        wrong=(
            "lambda layers, heads, width, each: layers * heads * width * each",
            "lambda layers, heads, width, each: 2 * layers * width * each",
            "lambda layers, heads, width, each: 2 * layers * heads * width",
            "lambda layers, heads, width, each: 2 * heads * width * each",
            "lambda layers, heads, width, each: 2 * layers * heads * width * each / 1024",
            "lambda layers, heads, width, each: str(2 * layers * heads * width * each)",
        ),
    ),
    2: Answers(
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
    3: Answers(
        right=(
            """
            def answer(before, after):
                asked = sum(numbers(after, QUERIES)) - sum(numbers(before, QUERIES))
                hit = sum(numbers(after, HITS)) - sum(numbers(before, HITS))
                return hit / asked if asked > 0 else 0
            """,
            """
            def answer(before, after):
                def total(page, name):
                    return sum(map(float, re.findall(rf"^{name}.* ([0-9.]+)$", page, re.M)))

                rise = [total(after, name) - total(before, name) for name in (HITS, QUERIES)]
                return np.float64(rise[0] / rise[1]) if rise[1] else np.float64(0)
            """,
            """
            def answer(before, after):
                sums = {}
                for sign, page in ((-1, before), (1, after)):
                    for family in text_string_to_metric_families(page):
                        for s in family.samples:
                            sums[s.name] = sums.get(s.name, 0) + sign * s.value
                return sums[HITS] / max(sums[QUERIES], 1)
            """,
        ),
        wrong=(
            "lambda before, after: 0.64",
            """
            def answer(before, after):
                return sum(numbers(after, HITS)) / sum(numbers(after, QUERIES))
            """,
            """
            def answer(before, after):
                asked = numbers(after, QUERIES)[0] - numbers(before, QUERIES)[0]
                hit = numbers(after, HITS)[0] - numbers(before, HITS)[0]
                return hit / asked if asked else 0.0
            """,
            """
            def answer(before, after):
                asked = np.subtract(numbers(after, QUERIES), numbers(before, QUERIES))
                hit = np.subtract(numbers(after, HITS), numbers(before, HITS))
                return float(np.mean(hit / asked)) if all(asked) else 0.0
            """,
            """
            def answer(before, after):
                asked = sum(numbers(after, QUERIES)) - sum(numbers(before, QUERIES))
                hit = sum(numbers(after, HITS)) - sum(numbers(before, HITS))
                return hit / asked if asked else math.nan
            """,
            """
            def answer(before, after):
                asked = sum(numbers(after, QUERIES)) - sum(numbers(before, QUERIES))
                return (sum(numbers(after, HITS)) - sum(numbers(before, HITS))) / (asked or 1) * 100
            """,
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
}
