"""Chapter 15, Serve the model yourself: several models."""

from answers import Answers
from answers.ch15 import CHAPTER, SETUP

__all__ = ["ANSWERS", "CHAPTER", "SETUP"]

ANSWERS = {
    4: Answers(
        right=(
            """
            def answer(models, text, send):
                errors = []
                for model in models:
                    sent = 0
                    try:
                        for piece in model.stream(text):
                            sent += 1
                            send(piece)
                    except ConnectionError as error:
                        if sent:
                            raise ConnectionError("broke off half-way") from error
                        errors.append(error)
                    else:
                        return
                raise errors[-1]
            """,
            """
            def answer(models, text, send):
                first, *rest = models
                pieces = first.stream(text)
                try:
                    head = next(pieces)
                except ConnectionError:
                    if not rest:
                        raise
                    return answer(rest, text, send)
                send(head)
                for piece in pieces:
                    send(piece)
            """,
            """
            def answer(models, text, send):
                for left, model in zip(range(len(models) - 1, -1, -1), models):
                    pieces = iter(model.stream(text))
                    try:
                        head = next(pieces, None)
                    except ConnectionError:
                        if left == 0:
                            raise
                        continue
                    if head is not None:
                        send(head)
                    for piece in pieces:
                        send(piece)
                    break
            """,
        ),
        wrong=(
            """
            def answer(models, text, send):
                failed = None
                for model in models:
                    try:
                        for piece in model.stream(text):
                            send(piece)
                        return
                    except ConnectionError as error:
                        failed = error
                raise failed
            """,
            """
            def answer(models, text, send):
                for model in models:
                    try:
                        pieces = list(model.stream(text))
                    except ConnectionError:
                        continue
                    for piece in pieces:
                        send(piece)
                    return
                raise ConnectionError("nobody answers")
            """,
            """
            def answer(models, text, send):
                for piece in models[0].stream(text):
                    send(piece)
            """,
            """
            def answer(models, text, send):
                for model in models:
                    begun = False
                    try:
                        for piece in model.stream(text):
                            begun = True
                            send(piece)
                        return
                    except ConnectionError:
                        if begun:
                            return
            """,
            """
            def answer(models, text, send):
                for model in models:
                    begun = False
                    try:
                        for piece in model.stream(text):
                            begun = True
                            send(piece)
                        return
                    except ConnectionError:
                        if begun:
                            raise
            """,
            """
            def answer(models, text, send):
                for model in models:
                    try:
                        for piece in model.stream(text):
                            send(piece)
                    except ConnectionError:
                        send("(sorry, from the beginning) ")
                        continue
                    return
                raise ConnectionError("nobody answers")
            """,
        ),
    ),
    5: Answers(
        right=(
            """
            @answering
            def answer(models, messages):
                return models[0].with_fallbacks(models[1:]).invoke(messages)
            """,
            """
            @answering
            def answer(models, messages):
                errors = []
                for model in models:
                    try:
                        return model.invoke(messages)
                    except Exception as error:
                        errors.append(error)
                raise ExceptionGroup("nobody answers", errors)
            """,
            """
            @answering
            def answer(models, messages):
                if not models:
                    raise RuntimeError("nobody answers")
                try:
                    return models[0].invoke(messages)
                except Exception as error:
                    try:
                        return answer.rest(models[1:], messages)
                    except RuntimeError as last:
                        raise last from error


            def rest(models, messages):
                for model in models:
                    with contextlib.suppress(Exception):
                        return model.invoke(messages)
                raise RuntimeError("nobody answers")


            answer.rest = rest
            """,
            """
            def answer(models, saver):
                async def ask(state: MessagesState):
                    chain = models[0].with_fallbacks(models[1:])
                    return {"messages": [await chain.ainvoke(state["messages"])]}

                builder = StateGraph(MessagesState)
                builder.add_node(ask)
                return builder.add_edge(START, "ask").compile(checkpointer=saver)
            """,
        ),
        wrong=(
            """
            @answering
            def answer(models, messages):
                answers = []
                for model in models:
                    with contextlib.suppress(Exception):
                        answers.append(model.invoke(messages))
                return answers[0]
            """,
            """
            @answering
            def answer(models, messages):
                for model in models:
                    with contextlib.suppress(Exception):
                        return model.invoke(messages)
                return AIMessage("Sorry, nobody is there.")
            """,
            """
            @answering
            def answer(models, messages):
                for model in models[:-1]:
                    try:
                        return model.invoke(messages)
                    except ConnectionError:
                        continue
                return models[-1].invoke(messages)
            """,
            """
            @answering
            def answer(models, messages):
                try:
                    return models[0].invoke(messages)
                except Exception:
                    return models[-1].invoke(messages)
            """,
            """
            @answering
            def answer(models, messages):
                try:
                    return models[0].invoke(messages)
                except Exception:
                    return models[1].invoke(messages)
            """,
            """
            @answering
            def answer(models, messages):
                for model in models:
                    try:
                        return model.invoke(messages)
                    except (OSError, RuntimeError):
                        continue
                raise RuntimeError("nobody answers")
            """,
        ),
    ),
}
