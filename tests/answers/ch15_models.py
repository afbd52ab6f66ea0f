"""Chapter 15, Serve the model yourself: several models."""

from answers import Answers
from answers.ch15 import CHAPTER, SETUP

__all__ = ["ANSWERS", "CHAPTER", "SETUP"]

ANSWERS = {
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
