"""The offline chat model: a rule-based stand-in that speaks LangChain's chat model interface.

It has no weights and no knowledge beyond `data/`. What is real about it is the interface: tool
calls, structured output, token streaming, usage, failures. Swap it for a served model, and the
graphs around it stay as they are.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams, LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr

from course_lib.models.language.arguments import fill, is_search, may_loosen
from course_lib.models.language.conversation_context import Situation, places_in, understand
from course_lib.models.language.replies import reply

MODELS = ("namu-offline", "namu-offline-brief")
"""The names this model goes by; the brief one answers in its first line only."""

TOKEN = re.compile(r"\s*(?:[A-Za-z0-9']+|[\uac00-\ud7a3]{1,3}|\S)|\s+")


class OfflineModelError(RuntimeError):
    """The failure that `fail_times` or `fail_after_tokens` asked for; a retry may succeed."""


class InvalidChatHistory(ValueError):
    """The messages hold a tool call that nothing answers; hosted models refuse these as well."""


class OfflineChatModel(BaseChatModel):
    """A deterministic chat model that needs no key, no net and no GPU.

    The same messages always give the same answer. `with_structured_output` answers every method
    by a forced tool call.

    Args:
        model_name: one of `MODELS`.
        tokens_per_second: speed of the answer; None for as fast as possible.
        first_token_seconds: seconds before the first token.
        fail_times: the first so many calls raise `OfflineModelError`.
        fail_after_tokens: an answer breaks off with that error after so many tokens.
        stop: texts at which an answer ends, the text itself left out.
        max_tokens: longest answer, in tokens.
        temperature: accepted and without effect: there is nothing random here.

    Raises:
        ValueError: a model name that is not in `MODELS`.
    """

    model_config = ConfigDict(populate_by_name=True)

    model_name: str = Field(default=MODELS[0], alias="model")
    tokens_per_second: float | None = Field(default=None, gt=0)
    first_token_seconds: float = Field(default=0, ge=0)
    fail_times: int = Field(default=0, ge=0)
    fail_after_tokens: int | None = Field(default=None, ge=0)
    stop: list[str] | None = Field(default=None, alias="stop_sequences")
    max_tokens: int | None = Field(default=None, gt=0)
    temperature: float | None = None
    _calls: int = PrivateAttr(default=0)
    _counting: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "namu-offline"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "namu-course"
        params["ls_model_name"] = kwargs.get("model", self.model_name)
        if self.max_tokens is not None:
            params["ls_max_tokens"] = self.max_tokens
        return params

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: functions, Pydantic classes, `BaseTool`s or JSON schemas.
            tool_choice: `any`, `required` or True: some tool must be called; a tool's name: that
                one; `none`: no tool; `auto` or None: the model decides.
        """
        described = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=described, tool_choice=_choice(tool_choice, described), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        merged: AIMessageChunk | None = None
        for chunk in self._stream(messages, stop=stop, **kwargs):
            merged = chunk.message if merged is None else merged + chunk.message
        return _result(merged)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        merged: AIMessageChunk | None = None
        async for chunk in self._astream(messages, stop=stop, **kwargs):
            merged = chunk.message if merged is None else merged + chunk.message
        return _result(merged)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for wait, chunk in self._paced(messages, stop, kwargs):
            if wait:
                time.sleep(wait)
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for wait, chunk in self._paced(messages, stop, kwargs):
            if wait:
                await asyncio.sleep(wait)
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk

    def _paced(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> Iterator[tuple[float, ChatGenerationChunk]]:
        """The answer in pieces, each with the seconds to wait before it."""
        model = kwargs.get("model", self.model_name)
        if model not in MODELS:
            raise ValueError(
                f"The offline model has no model {model!r}. Use one of {', '.join(MODELS)}, or set "
                "COURSE_LLM_BASE_URL to reach a server that has it."
            )
        with self._counting:
            self._calls += 1
            call = self._calls
        if call <= self.fail_times:
            raise OfflineModelError(
                f"Asked to fail (call {call} of fail_times={self.fail_times}). Try again."
            )
        answer = self._answer(messages, stop or self.stop, model, kwargs)
        pause = 1 / self.tokens_per_second if self.tokens_per_second else 0.0
        pieces = list(_pieces(answer))[: self.max_tokens]
        for n, piece in enumerate(pieces):
            if self.fail_after_tokens is not None and n >= self.fail_after_tokens:
                raise OfflineModelError(
                    f"Asked to break off after {self.fail_after_tokens} tokens. Try again."
                )
            wait = self.first_token_seconds if n == 0 else pause
            yield wait, ChatGenerationChunk(message=piece)
        sent = sum(count_tokens(m.text) for m in messages)
        closing = AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=sent, output_tokens=len(pieces), total_tokens=sent + len(pieces)
            ),
            response_metadata={"model_name": model, "model_provider": "namu-course"},
            chunk_position="last",
        )
        yield 0.0, ChatGenerationChunk(message=closing)

    def _answer(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        model: str,
        kwargs: dict[str, Any],
    ) -> AIMessage:
        _refuse_open_calls(messages)
        situation = understand(messages)
        functions = [tool["function"] for tool in kwargs.get("tools") or ()]
        chosen = _choose(functions, kwargs.get("tool_choice"), situation)
        if chosen is not None:
            arguments = fill(chosen.get("parameters", {}), situation)
            seed = json.dumps(
                [len(messages), situation.text, chosen["name"], arguments], ensure_ascii=False
            )
            call_id = "call_" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:12]
            call = {"name": chosen["name"], "args": arguments, "id": call_id, "type": "tool_call"}
            return AIMessage(content="", tool_calls=[call])
        searches = {f["name"] for f in functions if is_search(f.get("parameters", {}))}
        text = reply(situation, searches=searches)
        if model == MODELS[1]:
            text = text.splitlines()[0]
        for ending in stop or ():
            text = text.split(ending)[0] if ending else text
        return AIMessage(content=text)


def count_tokens(text: str) -> int:
    """Count tokens the way this model cuts text: words, marks, and Hangul in threes."""
    return len(TOKEN.findall(text))


def _refuse_open_calls(messages: Sequence[BaseMessage]) -> None:
    """Raise for a tool call whose answers do not stand right behind it."""
    waiting: dict[str, Any] = {}
    for message in [*messages, None]:
        if isinstance(message, ToolMessage):
            waiting.pop(message.tool_call_id, None)
            continue
        for call_id, call in waiting.items():
            raise InvalidChatHistory(
                f"The call {call['name']}({call['args']}) with id {call_id!r} has no ToolMessage "
                "right behind it that answers it (INVALID_CHAT_HISTORY). Answer every tool call, "
                "or take the message that makes it out of the history."
            )
        if isinstance(message, AIMessage):
            waiting = {call["id"]: call for call in message.tool_calls}


def _choice(
    tool_choice: str | bool | dict[str, Any] | None, tools: list[dict[str, Any]]
) -> str | None:
    if isinstance(tool_choice, dict):
        tool_choice = tool_choice["function"]["name"]
    if tool_choice is True or tool_choice == "required":
        return "any"
    if tool_choice in (None, False, "auto"):
        return None
    names = [tool["function"]["name"] for tool in tools]
    if tool_choice not in ("any", "none", *names):
        raise ValueError(
            f"tool_choice is {tool_choice!r}, but the tools are {names}. "
            "Name one of them, or 'any'."
        )
    return str(tool_choice)


def _choose(
    functions: list[dict[str, Any]], choice: str | None, situation: Situation
) -> dict[str, Any] | None:
    """The tool to call now, or None to answer in words."""
    if not functions or choice == "none":
        return None
    if choice not in (None, "any"):
        return next(function for function in functions if function["name"] == choice)
    best = max(functions, key=lambda function: _relevance(function, situation))
    if choice == "any":
        return best
    if situation.results:
        found = places_in(situation.results[-1].text)
        retry = found == [] and is_search(best.get("parameters", {})) and may_loosen(situation)
        return best if retry else None
    return best if _relevance(best, situation) > 0 else None


def _relevance(function: dict[str, Any], situation: Situation) -> int:
    if is_search(function.get("parameters", {})):
        wanted = situation.intent in ("NEW_SEARCH", "REFINEMENT", "REFINE_EXCLUDE")
        return 10 if wanted else 0
    said = set(re.findall(r"[a-z]{3,}", situation.reading.text)) - {"book"}
    if "book" in situation.reading.signals and situation.table:
        said.add("book")  # the verb, in either language, once there is something to book
    name = set(function["name"].lower().split("_")) & said
    described = set(re.findall(r"[a-z]{5,}", function.get("description", "").lower())) & said
    return 2 * len(name) + (len(described) if len(described) > 1 else 0)


def _pieces(answer: AIMessage) -> Iterator[AIMessageChunk]:
    for token in TOKEN.findall(str(answer.text)):
        yield AIMessageChunk(content=token)
    for index, call in enumerate(answer.tool_calls):
        written = json.dumps(call["args"], ensure_ascii=False)
        for n, token in enumerate(TOKEN.findall(written)):
            chunk = tool_call_chunk(
                name=call["name"] if n == 0 else None,
                args=token,
                id=call["id"] if n == 0 else None,
                index=index,
            )
            yield AIMessageChunk(content="", tool_call_chunks=[chunk])


def _result(merged: AIMessageChunk | None) -> ChatResult:
    assert merged is not None, "an answer has at least its closing chunk"
    message = AIMessage(
        content=merged.content,
        tool_calls=merged.tool_calls,
        invalid_tool_calls=merged.invalid_tool_calls,
        usage_metadata=merged.usage_metadata,
        response_metadata=merged.response_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
