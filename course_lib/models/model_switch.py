"""One model that stands for several: the context of a run says which of them answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.runtime import get_runtime

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

Prepare = Callable[["BaseChatModel"], Runnable[LanguageModelInput, Any]]
"""Makes of a model what is called, such as the model with its tools."""


class ModelSwitch(Runnable[LanguageModelInput, Any]):
    """Calls the model that the field `model` of the run's context names.

    It takes the place of a chat model in `build_namu(model=...)`. Every call inside the run goes to
    the chosen model: the call of a router as well as that of an agent. A run without a context, or
    without the field, is answered by the first model. LangChain's `init_chat_model` has a similar
    switch, between models of its own providers.

    Args:
        models: chat models by the name that a run chooses them by, at least one.
        prepare: makes of a model what is called; the model itself when left out.

    Raises:
        ValueError: there is no model; or, when it is called, the name of the run is not among them.
    """

    def __init__(
        self, models: Mapping[str, BaseChatModel], prepare: Prepare = lambda model: model
    ) -> None:
        if not models:
            raise ValueError("A switch needs at least one model. Give it a dictionary with one.")
        self.models = dict(models)
        self._prepare = prepare
        self._prepared: dict[str, Runnable[LanguageModelInput, Any]] = {}

    def bind_tools(self, tools: Any, **options: Any) -> ModelSwitch:
        """Return the switch with tools for whichever model is chosen.

        Args:
            tools: as a chat model takes them.
            options: as a chat model takes them, such as `tool_choice`.
        """
        return ModelSwitch(self.models, lambda model: model.bind_tools(tools, **options))

    def with_structured_output(self, schema: Any, **options: Any) -> ModelSwitch:
        """Return the switch with answers in the form of a schema.

        Args:
            schema: as a chat model takes it.
            options: as a chat model takes them, such as `include_raw`.
        """
        return ModelSwitch(
            self.models, lambda model: model.with_structured_output(schema, **options)
        )

    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        model: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call the chosen model; `model` names it in place of the context."""
        return self._chosen(model).invoke(input, config, **kwargs)

    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        model: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call the chosen model; `model` names it in place of the context."""
        return await self._chosen(model).ainvoke(input, config, **kwargs)

    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        model: str | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Stream from the chosen model; `model` names it in place of the context."""
        yield from self._chosen(model).stream(input, config, **kwargs)

    async def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        model: str | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Stream from the chosen model; `model` names it in place of the context."""
        async for part in self._chosen(model).astream(input, config, **kwargs):
            yield part

    def _chosen(self, named: str | None) -> Runnable[LanguageModelInput, Any]:
        name = named or _named_by_the_run() or next(iter(self.models))
        if name not in self.models:
            raise ValueError(
                f"There is no model {name!r} to choose. Put one of these into the context of the "
                f"run, under 'model': {', '.join(map(repr, self.models))}."
            )
        if name not in self._prepared:
            self._prepared[name] = self._prepare(self.models[name])
        return self._prepared[name]


def _named_by_the_run() -> str | None:
    """The field `model` of the context; None outside a run, and in a run without the field."""
    try:
        context = get_runtime().context
    except (RuntimeError, KeyError):  # not inside a run of a graph
        return None
    if isinstance(context, Mapping):
        return context.get("model")
    return getattr(context, "model", None)
