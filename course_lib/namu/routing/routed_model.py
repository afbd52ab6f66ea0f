"""A chat model in front of several: it asks the one that was chosen, and others when that fails.

It takes the place of the model in `build_namu(model=...)`. Every answer is whole before anything
of it is passed on: an answer that breaks off half-way has not been seen by anybody, so another
model can be asked, and the person never reads half an answer or two. The price is that no token
is shown before the last one has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.cache.base import FullKey
from pydantic import ConfigDict, Field, model_validator

from course_lib.models import (
    ModelRequestError,
    ModelServerError,
    OfflineModelError,
    RemoteChatModel,
)
from course_lib.namu.routing.answer_cache import AnswerCache
from course_lib.namu.routing.choice import ROUTE
from course_lib.namu.routing.context_budget import ContextBudget
from course_lib.namu.routing.limits import CallLimit

FAILURES = (
    ModelServerError,
    OfflineModelError,
    ContextOverflowError,
    openai.APIConnectionError,
    openai.RateLimitError,
    openai.InternalServerError,
)
"""Errors after which another model is asked. A request that is wrong is wrong for each of them."""

UNSEEN: RunnableConfig = {"callbacks": []}
"""The config of the inner calls: without callbacks, tokens are streamed and counted once."""


class NoModelAnswers(ModelServerError):
    """Every model failed; the text names each with its reason. Nothing was shown."""


def fail_fast_model(
    base_url: str, model: str, *, silence: float = 5, api_key: str = "not-needed", **options: Any
) -> RemoteChatModel:
    """Return a served model that gives up soon, for use behind a fallback.

    It is asked once, because another model waits. It streams from the server, so that the limit
    is on the time without a token: before the first one, or between two.

    Args:
        base_url: address of the server.
        model: name of the model there.
        silence: seconds without a token after which it has failed.
        api_key: its key.
        options: more options of `RemoteChatModel`.
    """
    given = {
        "temperature": 0,
        "timeout": silence,
        "stream_chunk_timeout": None,  # `timeout` is the limit
        "max_retries": 0,
        "streaming": True,
        "stream_usage": True,
    }
    return RemoteChatModel(base_url=base_url, model=model, api_key=api_key, **{**given, **options})


class RoutedChatModel(BaseChatModel):
    """Several chat models as one.

    Which one is asked first stands in the metadata of the run under `route`, where `route_turn`
    puts it; without it, the last of `models`. When that one fails, the larger ones are asked, and
    then the smaller ones. `response_metadata` of an answer tells the `route`, the model that it
    was `answered_by`, and those that `failed`.

    Args:
        models: the models by their names, the smallest first.
        budget: what of a conversation is sent; None for all of it.
        answers: the answer cache; None for none. The tenant, a text, stands in the run's metadata.
        limits: the limit of a model, by its name.

    Raises:
        NoModelAnswers: every model failed.
        ModelRequestError: a model refuses the request, or the route names no model.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    models: dict[str, BaseChatModel] = Field(min_length=1)
    budget: ContextBudget | None = None
    answers: AnswerCache | None = None
    limits: dict[str, CallLimit] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_limits(self) -> RoutedChatModel:
        unknown = sorted(set(self.limits) - set(self.models))
        if unknown:
            raise ValueError(
                f"There is a limit for {unknown}, but the models are {list(self.models)}."
            )
        return self

    @property
    def _llm_type(self) -> str:
        return "routed"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What LangChain's own cache tells two models apart by."""
        return {name: model._identifying_params for name, model in self.models.items()}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the models call tools; each is told of them in its own way.

        Args:
            tools: as LangChain's models take them.
            tool_choice: as the models take it.
            kwargs: more arguments for every call.
        """
        described = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=described, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._call(messages, stop, run_manager, kwargs)
        answer = self.answers.get(call.key) if self.answers and call.key else None
        if answer is None:
            try:
                answer = self._asked(call).invoke(call.messages, UNSEEN)
            except FAILURES as error:
                raise _all_failed(call) from error
            if self.answers and call.key:
                self.answers.set(self._key(call, answer), answer)
        return _result(call, answer)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = self._call(messages, stop, run_manager, kwargs)
        answer = await self.answers.aget(call.key) if self.answers and call.key else None
        if answer is None:
            try:
                answer = await self._asked(call).ainvoke(call.messages, UNSEEN)
            except FAILURES as error:
                raise _all_failed(call) from error
            if self.answers and call.key:
                await self.answers.aset(self._key(call, answer), answer)
        return _result(call, answer)

    def _call(
        self, messages: list[BaseMessage], stop: list[str] | None, run: Any, kwargs: dict[str, Any]
    ) -> _Call:
        told: Mapping[str, Any] = (getattr(run, "metadata", None) or {}) if run else {}
        route = kwargs.pop("model", None) or told.get(ROUTE) or list(self.models)[-1]
        if not isinstance(route, str) or route not in self.models:
            raise ModelRequestError(
                f"The run asks for the model {route!r}, but the models are {list(self.models)}. "
                f"Name one of them as {ROUTE!r} in the run's metadata."
            )
        kwargs.pop("ls_structured_output_format", None)  # for LangSmith's traces only
        sent = self.budget.fit(messages) if self.budget else list(messages)
        call = _Call(route, sent, {**kwargs, **({"stop": stop} if stop else {})})
        tenant = told.get("tenant")
        # A number is no name: 1 and "1" may be two customers, and would share their answers.
        if self.answers and isinstance(tenant, str) and tenant.strip():
            call.tenant = tenant
            call.key = self.answers.key(call.tenant, route, sent, call.options)
        return call

    def _key(self, call: _Call, answer: AIMessage) -> FullKey:
        """Return the key for an answer: that of the model which gave it."""
        assert self.answers is not None and call.tenant is not None
        by = answer.response_metadata["answered_by"]
        return self.answers.key(call.tenant, by, call.messages, call.options)

    def _asked(self, call: _Call) -> Runnable[list[BaseMessage], AIMessage]:
        """Return what asks the models in their order, until one answers."""
        names = list(self.models)
        place = names.index(call.route)
        order = [*names[place:], *reversed(names[:place])]
        first, *others = [self._candidate(name, call) for name in order]
        return first.with_fallbacks(others, exceptions_to_handle=FAILURES)

    def _candidate(self, name: str, call: _Call) -> Runnable[list[BaseMessage], AIMessage]:
        options = dict(call.options)
        tools, choice = options.pop("tools", None), options.pop("tool_choice", None)
        model: Any = self.models[name]
        if tools:
            model = model.bind_tools(tools, tool_choice=choice)

        def ask(messages: list[BaseMessage]) -> AIMessage:
            with self._noted(name, call):
                return _whole(model.invoke(messages, UNSEEN, **options), name)

        async def ask_async(messages: list[BaseMessage]) -> AIMessage:
            with self._noted(name, call):
                return _whole(await model.ainvoke(messages, UNSEEN, **options), name)

        return RunnableLambda(ask, ask_async, name=name)

    @contextmanager
    def _noted(self, name: str, call: _Call) -> Iterator[None]:
        """Keep to the model's limit, and note why it failed."""
        try:
            with self.limits.get(name, NO_LIMIT).call(name):
                yield
        except FAILURES as error:
            call.failed[name] = str(error)
            raise


NO_LIMIT = CallLimit()


@dataclass
class _Call:
    """One call of the routed model: what is sent, and what has become of it."""

    route: str
    messages: list[BaseMessage]
    options: dict[str, Any]
    tenant: str | None = None
    key: FullKey | None = None
    failed: dict[str, str] = field(default_factory=dict)


def _whole(answer: AIMessage, name: str) -> AIMessage:
    """Return an answer that is whole, with the name of the model that gave it."""
    told = answer.response_metadata
    if told.get("model_provider") == "openai" and not told.get("finish_reason"):
        raise ModelServerError(f"the stream of {name} ended before the answer did")
    return answer.model_copy(update={"response_metadata": {**told, "answered_by": name}})


def _result(call: _Call, answer: AIMessage) -> ChatResult:
    told = {**answer.response_metadata, ROUTE: call.route, "failed": list(call.failed)}
    message = answer.model_copy(update={"response_metadata": told, "id": None})
    return ChatResult(generations=[ChatGeneration(message=message)])


def _all_failed(call: _Call) -> NoModelAnswers:
    why = "; ".join(f"{name}: {error}" for name, error in call.failed.items())
    return NoModelAnswers(
        f"No model could answer ({why}). Nothing of an answer was shown. Send the message again "
        "in a moment; if that fails too, look after the servers that are named."
    )
