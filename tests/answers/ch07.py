"""Chapter 07, Ask a human: interrupts."""

from answers import Answers

CHAPTER = "07"

SETUP = """
from langchain_core.messages import AIMessage, RemoveMessage
from langgraph.types import Command, interrupt
from pydantic import BaseModel


class Approval(BaseModel):
    approve: bool


def turned(edit, go_on=True, same_id=True):
    def turn_around(graph, thread, changes):
        last = graph.get_state(thread).values["messages"][-1]
        call = last.tool_calls[0]
        edited = AIMessage(
            "", id=last.id if same_id else None, tool_calls=[{**call, "args": edit(call, changes)}]
        )
        graph.update_state(thread, {"messages": [edited]})
        return graph.invoke(None, thread) if go_on else None

    return turn_around


def merged(call, changes):
    return {**call["args"], **changes}


def good(answer):
    return type(answer) is int and 1 <= answer <= 8
"""

ANSWERS = {
    1: Answers(
        right=(
            """
            async def answer(state):
                words = "zero one two three four five six seven eight".split()
                question = f"Shall I book {state['place']} for {words[state['people']]}?"
                return {"approved": interrupt(question)}
            """,
            """
            def answer(state):
                question = {"place": state["place"], "people": state["people"]}
                reply = interrupt(question, response_schema=Approval)
                return {"approved": reply.approve}
            """,
            """
            def answer(state):
                yes = interrupt(f"{state['people']} at {state['place']}?")
                return Command(update={"approved": yes})
            """,
        ),
        wrong=(
            "lambda state: {'approved': True}",
            "lambda state: {'approved': interrupt('Shall I?')}",
            "lambda state: {'approved': interrupt(f\"Book {state['place']}?\")}",
            """
            def answer(state):
                return {"approved": bool(interrupt(f"{state['place']} {state['people']}")) or True}
            """,
            """
            def answer(state):
                interrupt(f"{state['place']} for {state['people']}?")
                return {}
            """,
            """
            def answer(state):
                return {"approved": not interrupt(f"{state['place']} for {state['people']}?")}
            """,
        ),
    ),
    2: Answers(
        right=(
            """
            async def answer(state, write):
                if not interrupt({"question": "Book?", "place": state["place"]}):
                    return None
                return {"receipt": write(state["place"])}
            """,
            """
            def answer(state, write):
                reply = interrupt("Book?", response_schema=Approval)
                return Command(update={"receipt": write(state["place"])} if reply.approve else {})
            """,
            """
            def answer(state, write):
                return {"receipt": write(state["place"])} if interrupt("Book?") is True else {}
            """,
        ),
        wrong=(
            """
            def answer(state, write):
                receipt = write(state["place"])
                return {"receipt": receipt} if interrupt("Book?") else {}
            """,
            """
            def answer(state, write):
                interrupt("Book?")
                return {"receipt": write(state["place"])}
            """,
            "lambda state, write: {'receipt': 'receipt 1'}",
            """
            def answer(state, write):
                if interrupt("Book?"):
                    write(state["place"])
                return {}
            """,
            """
            def answer(state, write):
                if interrupt("Book?"):
                    receipt = write(state["place"])
                    interrupt("Done. Fine?")
                    return {"receipt": receipt}
                return {}
            """,
        ),
    ),
    3: Answers(
        right=(
            """
            async def answer(state):
                question = {"question": "How many?"}
                while not good(reply := interrupt(question)):
                    question = {"question": "How many?", "error": f"not 1 to 8: {reply}"}
                return {"people": reply}
            """,
            """
            def answer(state, wrong=""):
                reply = interrupt(f"{wrong}How many people?")
                if isinstance(reply, int) and not isinstance(reply, bool) and 0 < reply < 9:
                    return Command(update={"people": reply})
                return answer(state, f"No, {reply} is no number from 1 to 8. ")
            """,
            """
            def answer(state):
                tried = []
                while True:
                    reply = interrupt(f"How many? Not {tried}." if tried else "How many?")
                    if type(reply) is int and reply in range(1, 9):
                        return {"people": reply}
                    tried.append(reply)
            """,
        ),
        wrong=(
            "lambda state: {'people': interrupt('How many?')}",
            """
            def answer(state):
                while not good(reply := interrupt("How many?")):
                    pass
                return {"people": reply}
            """,
            """
            def answer(state):
                question = "How many?"
                while not good(reply := interrupt(question)):
                    question = "Again, please: how many?"
                return {"people": reply}
            """,
            """
            def answer(state):
                question = "How many?"
                while True:
                    reply = interrupt(question)
                    if isinstance(reply, int) and 1 <= reply <= 8:  # True is an int as well
                        return {"people": reply}
                    question = f"{reply!r} is no number from 1 to 8."
            """,
            """
            def answer(state):
                question = "How many?"
                while True:
                    reply = interrupt(question)
                    if str(reply).isdigit() and 1 <= int(reply) <= 8:
                        return {"people": int(reply)}
                    question = f"{reply!r} is no number from 1 to 8."
            """,
            """
            def answer(state):
                question = "How many?"
                while True:
                    reply = interrupt(question)
                    if type(reply) is int and reply <= 8:
                        return {"people": reply}
                    question = f"{reply!r} is no number from 1 to 8."
            """,
        ),
    ),
    4: Answers(
        right=(
            """
            def answer(graph, thread, answers):
                for each in graph.get_state(thread).interrupts:
                    if each.value in answers:
                        graph.invoke(Command(resume={each.id: answers[each.value]}), thread)
            """,
            """
            def answer(graph, thread, answers):
                known = {}
                for task in graph.get_state(thread).tasks:
                    for each in task.interrupts:
                        if each.value in answers:
                            known[each.id] = answers[each.value]
                if known:
                    list(graph.stream(Command(resume=known), thread))
            """,
            """
            def answer(graph, thread, answers):
                ids = {each.value: each.id for each in graph.get_state(thread).interrupts}
                known = {ids[q]: answers[q] for q in ids.keys() & answers.keys()}
                return graph.invoke(Command(resume=known), thread)
            """,
        ),
        wrong=(
            """
            def answer(graph, thread, answers):
                asked = graph.get_state(thread).interrupts
                known = {e.id: value for e, value in zip(asked, answers.values(), strict=False)}
                return graph.invoke(Command(resume=known), thread)
            """,
            """
            def answer(graph, thread, answers):
                asked = graph.get_state(thread).interrupts
                known = {each.id: answers.get(each.value) for each in asked}
                return graph.invoke(Command(resume=known), thread)
            """,
            """
            def answer(graph, thread, answers):
                for each in graph.get_state(thread).interrupts:
                    if each.value in answers:
                        known = {each.id: answers[each.value]}
                        return graph.invoke(Command(resume=known), thread)
            """,
            "lambda graph, thread, answers: answers.clear()",
            """
            def answer(graph, thread, answers):
                fields = {"When?": "when", "Who?": "who", "Where?": "where"}
                known = {fields[q]: a for q, a in answers.items() if q in fields}
                graph.update_state(thread, known, as_node="__start__")
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            def answer(graph, thread, changes):
                last = graph.get_state(thread).values["messages"][-1]
                call = {**last.tool_calls[0], "args": last.tool_calls[0]["args"] | changes}
                edited = last.model_copy(update={"tool_calls": [call]})
                config = graph.update_state(thread, {"messages": [edited]})
                graph.invoke(None, config)
            """,
            """
            def answer(graph, thread, changes):
                last = graph.get_state(thread).values["messages"][-1]
                (call,) = last.tool_calls
                call["args"] = dict(call["args"], **changes)
                edited = AIMessage(content="", tool_calls=[call])
                update = {"messages": [RemoveMessage(id=last.id), edited]}
                graph.update_state(thread, update, as_node="agent")
                for _ in graph.stream(None, thread):
                    pass
            """,
            """
            def answer(graph, thread, changes):
                messages = graph.get_state(thread).values["messages"]
                messages[-1].tool_calls[0]["args"].update(changes)
                graph.update_state(thread, {"messages": messages})
                return graph.invoke(None, thread)
            """,
        ),
        wrong=(
            "turned(lambda call, changes: changes)",
            "turned(lambda call, changes: changes | {'to': 'Ann'})",
            "turned(merged, go_on=False)",
            "turned(merged, same_id=False)",
            "turned(lambda call, changes: call['args'])",
            "turned(lambda call, changes: {**changes, **call['args']})",
        ),
    ),
}
