"""Chapter 09, Survive a crash."""

from answers import Answers

CHAPTER = "09"

SETUP = """
import random

from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import RetryPolicy

from course_lib.exercises.ch09 import CardDeclined, ServiceBusy

RIGHT = {
    "pay is a node, mail is the next node": 1,
    "the same with durability exit": 1,
    "pay and mail are in one node": 2,
    "pay and mail are nodes of a subgraph that is a node": 1,
    "an entrypoint calls pay as a function, and mail as a task": 2,
    "an entrypoint calls pay as a task, and mail as a task": 1,
    "pay is a node, and the input is sent again": 2,
}


def task_id():
    return get_runtime().execution_info.task_id


def again(error):
    return isinstance(error, (ConnectionError, TimeoutError, ServiceBusy))
"""

ANSWERS = {
    1: Answers(
        right=(
            "RIGHT",
            "dict(reversed(RIGHT.items()))",
            "{**RIGHT, 'one case more': 3}",
            "{case: float(count) for case, count in RIGHT.items()}",
        ),
        wrong=(
            "dict.fromkeys(RIGHT, 1)",
            "{**RIGHT, 'the same with durability exit': 2}",
            "{**RIGHT, 'pay and mail are in one node': 1}",
            "{**RIGHT, 'pay and mail are nodes of a subgraph that is a node': 2}",
            "{**RIGHT, 'an entrypoint calls pay as a function, and mail as a task': 1}",
            "{**RIGHT, 'pay is a node, and the input is sent again': 1}",
            "{'pay and mail are in one node': 2}",
            "list(RIGHT.values())",
        ),
    ),
    2: Answers(
        right=(
            "RetryPolicy(max_attempts=4, retry_on=again)",
            "RetryPolicy(max_attempts=4, retry_on=(TimeoutError, ServiceBusy, ConnectionError))",
            "[RetryPolicy(max_attempts=4, retry_on=e) "
            "for e in (ConnectionError, TimeoutError, ServiceBusy)]",
            "RetryPolicy(4.0, 1.0, 9.0, 4, False, again)",
        ),
        wrong=(
            "RetryPolicy()",
            "RetryPolicy(max_attempts=4)",
            "RetryPolicy(max_attempts=3, retry_on=again)",
            "RetryPolicy(max_attempts=5, retry_on=again)",
            "RetryPolicy(max_attempts=4, retry_on=Exception)",
            "RetryPolicy(max_attempts=4, retry_on=(OSError, ServiceBusy))",
            "RetryPolicy(max_attempts=4, retry_on=(ConnectionError, ServiceBusy))",
            "RetryPolicy(max_attempts=4, retry_on=lambda e: not isinstance(e, CardDeclined))",
            "RetryPolicy",
            "4",
        ),
    ),
    3: Answers(
        right=(
            """
            def answer(items, charge):
                for number, item in enumerate(items):
                    charge(item, f"{task_id()} {number}")
            """,
            """
            async def answer(items, charge):
                for number in range(len(items)):
                    charge(items[number], f"{number}/{task_id()}/{items[number]}")
            """,
            """
            def answer(items, charge):
                seen = []
                for item in items:
                    seen.append(item)
                    charge(item, task_id() + item + str(seen.count(item)))
            """,
            """
            def answer(items, charge):
                where = get_runtime().execution_info
                for number, item in enumerate(items):
                    charge(item, f"{where.thread_id} {where.checkpoint_id} {number}")
            """,
        ),
        wrong=(
            """
            def answer(items, charge):
                for item in items:
                    charge(item, task_id())
            """,
            """
            def answer(items, charge):
                for item in items:
                    charge(item, f"{task_id()} {item}")
            """,
            """
            def answer(items, charge):
                for number, item in enumerate(items):
                    charge(item, str(number))
            """,
            """
            def answer(items, charge):  # the same person may order again
                for number, item in enumerate(items):
                    charge(item, f"{get_runtime().execution_info.thread_id} {number} {item}")
            """,
            """
            def answer(items, charge):
                for item in items:
                    charge(item, str(random.random()))
            """,
            """
            def answer(items, charge):
                for number, item in enumerate(items):
                    attempt = get_runtime().execution_info.node_attempt
                    charge(item, f"{task_id()} {number} {attempt}")
            """,
            """
            def answer(items, charge):
                for number, item in enumerate(items):
                    charge(item, number)
            """,
            """
            def answer(items, charge):
                for number, item in enumerate(dict.fromkeys(items)):
                    charge(item, f"{task_id()} {number}")
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(pay, shuffle, saver):
                @task
                def draw(names):
                    return shuffle(names)

                @entrypoint(checkpointer=saver)
                def plan(names):
                    order = draw(names).result()
                    return {name: pay(name).result() for name in order}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                @entrypoint(checkpointer=saver)
                async def plan(names):
                    order = await task(shuffle)(names)
                    return {name: await pay(name) for name in order}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                @entrypoint(checkpointer=saver)
                def plan(names):
                    order = task(lambda: shuffle(names), name="order")().result()
                    paid = [(name, pay(name).result()) for name in order]
                    return dict(paid)

                return plan
            """,
        ),
        wrong=(
            """
            def answer(pay, shuffle, saver):
                @entrypoint(checkpointer=saver)
                def plan(names):
                    return {name: pay(name).result() for name in shuffle(names)}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                @entrypoint(checkpointer=saver)
                def plan(names):
                    return {name: pay(name).result() for name in sorted(names)}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                order = []  # another process does not have it

                @entrypoint(checkpointer=saver)
                def plan(names):
                    order.extend([] if order else shuffle(names))
                    return {name: pay(name).result() for name in order}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                @entrypoint(checkpointer=saver)
                def plan(names):
                    order = task(shuffle)(names).result()
                    return {name: pay(name).result() for name in order[:-1]}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                @entrypoint(checkpointer=saver)
                def plan(names):
                    shuffle(names)
                    return {name: pay(name).result() for name in names}

                return plan
            """,
            """
            def answer(pay, shuffle, saver):
                @task
                def all_of(names):
                    return {name: pay.func(name) for name in shuffle(names)}

                @entrypoint(checkpointer=saver)
                def plan(names):
                    return all_of(names).result()

                return plan
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(graph, config, request):
                begun = graph.get_state(config).metadata
                return graph.invoke(None if begun else request, config)
            """,
            """
            def answer(graph, config, request):
                if graph.checkpointer.get_tuple(config) is None:
                    return graph.invoke(request, config, durability="sync")
                return graph.invoke(None, config, durability="sync")
            """,
            """
            async def answer(graph, config, request):
                state = await graph.aget_state(config)
                return await graph.ainvoke(request if state.created_at is None else None, config)
            """,
            """
            def answer(graph, config, request):
                begun = list(graph.get_state_history(config))
                for state in graph.stream(None if begun else request, config, stream_mode="values"):
                    pass
                return graph.get_state(config).values
            """,
            """
            def answer(graph, config, request):
                state = graph.get_state(config)
                return graph.invoke(None if state.values else request, config)
            """,
        ),
        wrong=(
            "lambda graph, config, request: graph.invoke(request, config)",
            "lambda graph, config, request: graph.invoke(None, config)",
            """
            def answer(graph, config, request):
                state = graph.get_state(config)
                return graph.invoke(None, config) if state.next else state.values
            """,
            """
            def answer(graph, config, request):
                running = graph.get_state(config).next
                return graph.invoke(None if running else request, config)
            """,
            """
            def answer(graph, config, request):
                graph.checkpointer.delete_thread(config["configurable"]["thread_id"])
                return graph.invoke(request, config)
            """,
            """
            def answer(graph, config, request):
                begun = graph.get_state(config).metadata
                graph.invoke(None if begun else request, config)
            """,
        ),
    ),
}
