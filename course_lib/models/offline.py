"""The offline chat model: a rule-based stand-in that speaks LangChain's chat model interface.

It has no weights and no knowledge beyond `data/`. The interface is real: tool calls, structured
output, token streaming, usage and failures. A served model can take its place in every graph.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams, LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from course_lib.models import answer_stream
from course_lib.models.call_options import CallOptions, checked_method, checked_options
from course_lib.models.offline_answer import answer_to
from course_lib.models.tool_choice import checked_choice
from course_lib.models.tool_descriptions import described_tools, functions_of

MODELS = ("namu-offline", "namu-offline-brief")
"""The names of this model; the brief one answers in one line."""

_COUNTING = threading.Lock()
"""Held while any model counts a call. One lock of each model could not be copied with it."""


class OfflineModelError(RuntimeError):
    """The failure that `fail_times` or `fail_after_tokens` asked for; a retry may succeed."""


class OfflineChatModel(BaseChatModel):
    """A deterministic chat model that needs no key, no network and no GPU.

    The same messages always give the same answer. `with_structured_output` answers every method
    by a forced tool call.

    Args:
        model_name: one of `MODELS`.
        tokens_per_second: speed of the answer; None for as fast as possible.
        first_token_seconds: seconds before the first token.
        fail_times: the first so many calls raise `OfflineModelError`.
        fail_after_tokens: an answer breaks off with that error after so many tokens.
        stop: texts at which an answer ends; the text itself is left out.
        max_tokens: longest answer, in tokens.
        streaming: whether `invoke` streams inside, so that callbacks get every token.
        temperature: accepted without effect, because nothing here is random.
        timeout: accepted without effect, because there is no server to wait for.
        max_retries: accepted without effect, because there is no server to ask again.
        api_key: accepted without effect, because there is no server to show it to.

    Raises:
        ValueError: an option that does not exist, or, when the model is called, a model name that
            is not in `MODELS`.
    """

    model_config = ConfigDict(populate_by_name=True)

    model_name: str = Field(default=MODELS[0], alias="model")
    tokens_per_second: float | None = Field(default=None, gt=0)
    first_token_seconds: float = Field(default=0, ge=0)
    fail_times: int = Field(default=0, ge=0)
    fail_after_tokens: int | None = Field(default=None, ge=0)
    stop: list[str] | None = Field(default=None, alias="stop_sequences")
    max_tokens: int | None = Field(default=None, gt=0)
    streaming: bool = False
    temperature: float | None = None
    timeout: float | None = None
    max_retries: int | None = None
    api_key: SecretStr | None = None
    _call_count: int = PrivateAttr(default=0)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_options(cls, options: Any) -> Any:
        if not isinstance(options, dict):
            return options
        known = {name: field.alias or name for name, field in cls.model_fields.items()}
        unknown = set(options) - set(known) - set(known.values())
        if unknown:
            own = ", ".join(known[name] for name in cls._own_options())
            shared = ", ".join(BaseChatModel.model_fields)
            raise ValueError(
                f"{cls.__name__} has no option {', '.join(map(repr, sorted(unknown)))}. Its "
                f"options are {own}; those of every LangChain chat model are {shared}."
            )
        return options

    @classmethod
    def _own_options(cls) -> list[str]:
        """Return the names of the options that other chat models need not have."""
        return [name for name in cls.model_fields if name not in BaseChatModel.model_fields]

    @property
    def _llm_type(self) -> str:
        return "namu-offline"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """The settings of this model, by which LangChain's cache tells two models apart."""
        own = {n: getattr(self, n) for n in self._own_options() if n != "api_key"}
        return {**own, "stop_sequences": self.stop}  # LangChain puts a call's own `stop` over ours

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "namu-course"
        params["ls_model_name"] = kwargs.get("model", self.model_name)
        if self.max_tokens is not None:
            params["ls_max_tokens"] = self.max_tokens
        return params

    def get_token_ids(self, text: str) -> list[int]:
        """Return a number for each token of a text, without any download."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        return answer_stream.token_ids(text)

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Count the tokens of messages as `usage_metadata` does, for `trim_messages` and others.

        Args:
            messages: whose texts are counted.
            tools: not counted.
        """
        if self.custom_get_token_ids is not None:
            return sum(len(self.custom_get_token_ids(message.text)) for message in messages)
        return answer_stream.count_message_tokens(messages)

    def bind(self, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with options for every call.

        Args:
            kwargs: as in `CallOptions`.

        Raises:
            ValueError: there is no such option, or it cannot have this value.
        """
        checked_options(kwargs)
        return super().bind(**kwargs)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: functions, Pydantic classes, `BaseTool`s or JSON schemas. Tools that a provider
                runs, such as `{"type": "web_search"}`, are accepted and never called.
            tool_choice: `any`, `required` or True: some tool must be called; a tool's name: that
                one; `none`: no tool; `auto` or None: the model decides.
            kwargs: more options for every call of the model.

        Raises:
            ValueError: `tool_choice` names a tool that is not among `tools`, a tool is not
                described well, or there is no such option.
        """
        described = described_tools(tools)
        choice = checked_choice(tool_choice, functions_of(described))
        return self.bind(tools=described, tool_choice=choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a model whose answers have the form of a schema.

        Args:
            schema: a Pydantic class, a `TypedDict`, a JSON schema or an OpenAI tool.
            include_raw: whether to return `raw`, `parsed` and `parsing_error` in a dict.
            kwargs: `method`, one of `METHODS`, and `strict` are accepted without effect.

        Raises:
            ValueError: there is no such option or method, or the schema describes no object.
        """
        checked_method(kwargs)
        # `with_fallbacks` reads the annotations of this method; LangChain's own cannot be resolved.
        return super().with_structured_output(schema, include_raw=include_raw, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk.message for chunk in self._stream(messages, stop=stop, **kwargs)]
        return answer_stream.whole_answer(chunks)  # type: ignore[arg-type]

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk.message async for chunk in self._astream(messages, stop=stop, **kwargs)]
        return answer_stream.whole_answer(chunks)  # type: ignore[arg-type]

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for wait, chunk in self._timed_chunks(messages, stop, kwargs):
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
        for wait, chunk in self._timed_chunks(messages, stop, kwargs):
            if wait:
                await asyncio.sleep(wait)
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk

    def _timed_chunks(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> Iterator[tuple[float, ChatGenerationChunk]]:
        """Yield the answer in chunks, each with the seconds to wait before it."""
        options = checked_options(kwargs if stop is None else {**kwargs, "stop": stop})
        model = self.model_name if options.model is None else options.model
        if model not in MODELS:
            raise ValueError(
                f"The offline model has no model {model!r}. Use one of {', '.join(MODELS)}, or set "
                "COURSE_LLM_BASE_URL to reach a server that has it."
            )
        self._fail_if_asked_to()
        answer = self._answer(messages, options)
        pause = 1 / self.tokens_per_second if self.tokens_per_second else 0.0
        limit = options.max_tokens or self.max_tokens
        whole = list(answer_stream.pieces_of(answer))
        pieces = whole[:limit]
        for n, piece in enumerate(pieces):
            if self.fail_after_tokens is not None and n >= self.fail_after_tokens:
                raise OfflineModelError(
                    f"Asked to break off after {self.fail_after_tokens} tokens. Try again."
                )
            wait = self.first_token_seconds if n == 0 else pause
            yield wait, ChatGenerationChunk(message=piece)
        closing = answer_stream.closing_piece(
            answer,
            model=model,
            sent=messages,
            tokens=len(pieces),
            cut_off=len(pieces) < len(whole),
        )
        yield 0.0, ChatGenerationChunk(message=closing)

    def _fail_if_asked_to(self) -> None:
        with _COUNTING:
            self._call_count += 1
            call = self._call_count
        if call <= self.fail_times:
            raise OfflineModelError(
                f"Asked to fail (call {call} of fail_times={self.fail_times}). Try again."
            )

    def _answer(self, messages: list[BaseMessage], options: CallOptions) -> AIMessage:
        """Return the whole answer; a subclass can change what is read, or what is said."""
        endings = [options.stop] if isinstance(options.stop, str) else options.stop
        is_brief = (options.model or self.model_name) == MODELS[1]
        return answer_to(messages, options, stop=endings or self.stop or (), is_brief=is_brief)
