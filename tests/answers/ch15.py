"""Chapter 15, Serve the model yourself."""

from answers import Answers

CHAPTER = "15"

SETUP = '''
import contextlib
import json
import math
import re

import numpy as np
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from prometheus_client.parser import text_string_to_metric_families

QUERIES, HITS = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"
RIGHT = {
    "200 at once, 3 retries allowed": 1,
    "429 twice and then 200, 3 retries allowed": 3,
    "503 each time, 2 retries allowed": 3,
    "400 each time, 3 retries allowed": 1,
    "404 each time, 3 retries allowed": 1,
    "a stream that breaks off, 3 retries allowed": 1,
}


def numbers(page, name):
    """The numbers of that name on a metrics page, one for each engine."""
    return [float(line.split()[-1]) for line in page.splitlines() if line.startswith(name)]


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
            "dict(RIGHT)",
            "{case: float(count) for case, count in RIGHT.items()}",
            "dict(sorted(RIGHT.items(), reverse=True))",
        ),
        wrong=(
            "{**RIGHT, '503 each time, 2 retries allowed': 2}",
            "{**RIGHT, '400 each time, 3 retries allowed': 4}",
            "{**RIGHT, 'a stream that breaks off, 3 retries allowed': 4}",
            "{**RIGHT, '429 twice and then 200, 3 retries allowed': 2}",
            "{**RIGHT, '404 each time, 3 retries allowed': '1'}",
            "{case: count for case, count in RIGHT.items() if '200 at once' not in case}",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(reply):
                choice = reply["choices"][0]
                if choice["finish_reason"] != "stop" or choice["message"]["content"] is None:
                    raise ValueError("there is no whole answer")
                return json.loads(choice["message"]["content"])
            """,
            """
            def answer(reply):
                (choice,) = reply["choices"]
                content = choice["message"].get("content")
                if not isinstance(content, str):
                    raise ValueError("no content")
                try:
                    found = json.loads(content)
                except json.JSONDecodeError as error:
                    raise ValueError(f"{content!r} is no JSON") from error
                if choice.get("finish_reason") == "length":
                    raise ValueError("cut")
                return found
            """,
            """
            def answer(reply):
                import ast

                choice = reply["choices"][0]
                reasons = {"length": "it was cut", "content_filter": "it was filtered"}
                if choice["finish_reason"] in reasons:
                    raise ValueError(reasons[choice["finish_reason"]])
                return json.JSONDecoder().decode(str(choice["message"]["content"] or "none"))
            """,
        ),
        wrong=(
            "lambda reply: json.loads(reply['choices'][0]['message']['content'])",
            "lambda reply: json.loads(reply['choices'][0]['message']['content'] or '')",
            "lambda reply: reply['choices'][0]['message']['content']",
            """
            def answer(reply):
                choice = reply["choices"][0]
                if choice["finish_reason"] == "length":
                    return None
                return json.loads(choice["message"]["content"])
            """,
            """
            def answer(reply):
                choice = reply["choices"][0]
                if choice["finish_reason"] == "length":
                    raise ValueError("cut")
                return json.loads(choice["message"]["content"] or "null")
            """,
            """
            def answer(reply):
                choice = reply["choices"][0]
                if choice["finish_reason"] == "length":
                    raise ValueError("cut")
                try:
                    return json.loads(choice["message"]["content"])
                except (ValueError, TypeError):
                    return {}
            """,
            """
            def answer(reply):
                content = reply["choices"][0]["message"]["content"]
                if not content or content[-1] not in "}]":
                    raise ValueError("cut")
                return json.loads(content)
            """,
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
}
