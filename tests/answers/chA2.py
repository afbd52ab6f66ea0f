"""Answers to the exercises of appendix A2."""

from __future__ import annotations

from answers import Answers

CHAPTER = "A2"

SETUP = '''
from langchain_core.runnables import RunnableLambda
from langgraph.channels import BinaryOperatorAggregate, EphemeralValue, LastValue, UntrackedValue
from langgraph.channels.base import BaseChannel
from langgraph.pregel import NodeBuilder

from course_lib.exercises.ticket_office import bill_text, price_of
from course_lib.exercises.toy_engine import execute, plan, update

RIGHT = {"first": 1, "second": 1, "either": 2, "both": 1, "reader": 1, "lonely": 0}


def predicted(**changes):
    return {**RIGHT, **changes}


def runner(hit=lambda tasks, pause: set(tasks) & set(pause), again=True, fresh=True):
    """The reference, with something left out."""

    def run_until(nodes, channels, given, pause_before):
        ask = bool(given) or not fresh
        update(channels, given.items())
        while tasks := plan(nodes, channels):
            if ask and hit(tasks, pause_before):
                return list(tasks)
            ask = ask or again
            update(channels, execute(nodes, channels, tasks))
        return []

    return run_until


def to_bill(node):
    return lambda: node.do(bill_text).write_to("bills")
'''

ANSWERS = {
    1: Answers(
        right=(
            "predicted()",
            "{**predicted(), 'more': 3}",
            "{name: float(count) for name, count in RIGHT.items()}",
        ),
        wrong=(
            "[1, 1, 2, 1, 1, 0]",
            "{'first': 1}",
            "predicted(either=1)",
            "predicted(both=2)",
            "predicted(reader=2)",
            "predicted(lonely=1)",
            "predicted(second=0)",
            "predicted(first=True)",
        ),
    ),
    2: Answers(
        right=(
            """
            def answer(nodes, channels, given, pause_before):
                update(channels, list(given.items()))
                resuming = given == {}
                while True:
                    tasks = plan(nodes, channels)
                    paused = any(name in pause_before for name in tasks)
                    if not tasks or (paused and not resuming):
                        return sorted(tasks)
                    resuming = False
                    update(channels, execute(nodes, channels, tasks))
            """,
            """
            def answer(nodes, channels, given, pause_before):
                if not given:
                    update(channels, execute(nodes, channels, plan(nodes, channels)))
                else:
                    update(channels, given.items())
                tasks = plan(nodes, channels)
                while tasks and not set(tasks).intersection(pause_before):
                    update(channels, execute(nodes, channels, tasks))
                    tasks = plan(nodes, channels)
                return tuple(tasks)
            """,
            """
            def answer(nodes, channels, given, pause_before):
                update(channels, given.items())
                tasks = plan(nodes, channels)
                allowed = set() if given else set(tasks)
                while tasks and not (set(tasks) - allowed) & set(pause_before):
                    update(channels, execute(nodes, channels, tasks))
                    tasks, allowed = plan(nodes, channels), set()
                return [name for name in nodes if name in tasks]
            """,
            """
            def answer(nodes, channels, given, pause_before):
                def pauses(tasks):
                    return bool(set(tasks) & set(pause_before))

                update(channels, given.items())
                tasks = plan(nodes, channels)
                if given and pauses(tasks):
                    return list(tasks)
                while tasks:
                    update(channels, execute(nodes, channels, tasks))
                    tasks = plan(nodes, channels)
                    if pauses(tasks):
                        break
                return list(tasks)
            """,
        ),
        wrong=(
            "runner(hit=lambda tasks, pause: False)",
            "runner(hit=lambda tasks, pause: set(tasks) <= set(pause))",
            "runner(hit=lambda tasks, pause: bool(pause))",
            "runner(again=False)",
            "runner(fresh=False)",
            """
            def answer(nodes, channels, given, pause_before):
                # After the node, and not before it.
                update(channels, given.items())
                while tasks := plan(nodes, channels):
                    update(channels, execute(nodes, channels, tasks))
                    if set(tasks) & set(pause_before):
                        return list(plan(nodes, channels))
                return []
            """,
            """
            def answer(nodes, channels, given, pause_before):
                # Runs the others of the super-step.
                ask = bool(given)
                update(channels, given.items())
                while tasks := plan(nodes, channels):
                    waiting = [name for name in tasks if ask and name in pause_before]
                    go = [name for name in tasks if name not in waiting]
                    update(channels, execute(nodes, channels, go))
                    if waiting:
                        return waiting
                    ask = True
                return []
            """,
            """
            def answer(nodes, channels, given, pause_before):
                # Names only the nodes of pause_before.
                found = runner()(nodes, channels, given, pause_before)
                return [name for name in found if name in pause_before]
            """,
            """
            def answer(nodes, channels, given, pause_before):
                # Pauses between execute and update.
                ask = bool(given)
                update(channels, given.items())
                while tasks := plan(nodes, channels):
                    if ask and set(tasks) & set(pause_before):
                        execute(nodes, channels, tasks)
                        return list(tasks)
                    ask = True
                    update(channels, execute(nodes, channels, tasks))
                return []
            """,
            """
            def answer(nodes, channels, given, pause_before):
                runner()(nodes, channels, given, pause_before)
            """,
        ),
    ),
    3: Answers(
        right=(
            "to_bill(NodeBuilder().subscribe_to('price', read=False).read_from('price', 'count'))",
            """
            def answer():
                node = NodeBuilder().subscribe_to("price").read_from("count")
                return node.do(bill_text).write_to("bills").build()
            """,
            """
            def answer():
                async def bill(state):
                    return bill_text(state)

                both = RunnableLambda(bill_text, bill)
                return NodeBuilder().read_from("count").subscribe_to("price").do(both).write_to(
                    bills=lambda text: [text]
                )
            """,
            """
            def answer():
                node = NodeBuilder().subscribe_to("price").read_from("count").read_from("bills")
                return node.do(lambda s: [bill_text(s)]).write_to("bills")
            """,
        ),
        wrong=(
            "to_bill(NodeBuilder().subscribe_to('count', 'price'))",
            "to_bill(NodeBuilder().subscribe_to('count').read_from('price'))",
            "to_bill(NodeBuilder().subscribe_to('price'))",
            "to_bill(NodeBuilder().subscribe_to('order', 'price').read_from('count'))",
            "lambda: bill_text",
            """
            def answer():
                # Only the first bill of a thread waits for the price.
                def bill(state):
                    return [bill_text(state)] if "price" in state else []

                return NodeBuilder().subscribe_to("count", "price").do(bill).write_to("bills")
            """,
            """
            def answer():
                # Knows the usual price only.
                def bill(count):
                    return bill_text({"count": count, "price": 3000 * count})

                return NodeBuilder().subscribe_only("count").do(bill).write_to("bills")
            """,
            """
            def answer():
                # Leaves out an order of the same number.
                done = set()

                def bill(state):
                    text = bill_text(state)
                    if text in done:
                        return []
                    done.add(text)
                    return [text]

                node = NodeBuilder().subscribe_to("price").read_from("count")
                return node.do(bill).write_to("bills")
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            class answer(LastValue):
                def update(self, values):
                    return bool(values) and not self.is_available() and super().update(values[:1])
            """,
            """
            class answer(LastValue):
                def update(self, values):
                    for value in values:
                        if not self.is_available():
                            self.value = value
                            return True
                    return False
            """,
            """
            class answer(LastValue):
                def update(self, values):
                    try:
                        self.get()
                    except Exception:
                        if len(values) > 0:
                            return LastValue.update(self, [values[0]])
                    return False
            """,
            """
            class answer(BinaryOperatorAggregate):
                def __init__(self, typ, operator=None):
                    super().__init__(typ, operator)
                    self.value = LastValue(typ).value  # empty, whatever the type

                def update(self, values):
                    if self.is_available() or not values:
                        return False
                    self.value, *_ = values
                    return True
            """,
        ),
        wrong=(
            "lambda typ: LastValue(typ)",
            "lambda typ: BinaryOperatorAggregate(typ, lambda old, new: old)",
            "lambda typ: object()",
            """
            class answer(LastValue):
                def update(self, values):
                    if self.is_available() or not values:
                        return False
                    return super().update(values)
            """,
            """
            class answer(LastValue):
                def update(self, values):
                    if values and not self.is_available():
                        self.value = values[-1]
                        return True
                    return False
            """,
            """
            class answer(LastValue):
                def update(self, values):
                    if values and not self.is_available():
                        self.value = values[0]
                    return bool(values)
            """,
            """
            class answer(LastValue):
                def update(self, values):
                    if values and not self.is_available():
                        self.value = values[0]
            """,
            """
            class answer(LastValue):
                def update(self, values):
                    if not values or (self.is_available() and self.value):
                        return False
                    self.value = values[0]
                    return True
            """,
            """
            class answer(UntrackedValue):
                def update(self, values):
                    if self.is_available() or not values:
                        return False
                    self.value = values[0]
                    return True
            """,
            """
            class answer(EphemeralValue):
                def update(self, values):
                    if self.is_available() or not values:
                        return False
                    self.value = values[0]
                    return True

                def from_checkpoint(self, checkpoint):
                    return type(self)(self.typ)
            """,
        ),
    ),
}
