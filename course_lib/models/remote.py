"""A chat model behind an OpenAI-compatible address: vLLM, Ollama, a gateway, a hosted service.

It is LangChain's `ChatOpenAI` with errors that say which address and which model they are about
and what to do next, and with what some servers send beside OpenAI's protocol.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import ConfigDict, model_validator

from course_lib.models.answer_shape import fault_of_chunk, write_arguments
from course_lib.models.call_ids import CallIds
from course_lib.models.history_repair import repaired_history
from course_lib.models.http_clients import (
    ReportedError,
    UnexpectedAnswer,
    checked_url,
    http_clients,
    without_password,
)
from course_lib.models.server_errors import RequestFacts, check_complete, explained_errors

# langchain-openai dumps parsed answers with a schema that does not know them. This is harmless,
# but each structured answer in a streamed graph would write a warning into the learner's notebook.
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning, "pydantic.main")

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""Fields in which servers send what the model thinks before it answers."""


class RemoteChatModel(ChatOpenAI):
    """`ChatOpenAI`, with errors that name the address, the model and the remedy.

    A request that finds no connection, or is answered 408, 409, 429 or 5xx, is sent again
    `max_retries` times, each time after a longer pause. An answer that breaks off half-way is not
    asked for again, because what was streamed has been seen. Neither is a request that the server
    refuses. A server that only keeps the connection open is waited for ten times `timeout`.

    Tool calls without an id, or with an id from earlier in the history, get an id of their own.
    What the model thinks before it answers is kept in `additional_kwargs["reasoning_content"]`, as
    LangChain's model class for DeepSeek does it.

    Raises:
        ModelServerError: nobody answers, or too late, or an answer breaks off, or the server
            failed.
        ModelRequestError: the key, the model, the address or the request is wrong.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # it holds the key

    @model_validator(mode="before")
    @classmethod
    def _use_own_http_clients(cls, options: Any) -> Any:
        if not isinstance(options, dict):
            return options
        if options.get("openai_proxy") or os.environ.get("OPENAI_PROXY"):
            return options  # ChatOpenAI makes the clients for a proxy that is named explicitly
        url = options.get("base_url") or options.get("openai_api_base")
        url = url or os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL")
        clients = http_clients(checked_url(str(url or "https://api.openai.com/v1")))
        # The empty options keep ChatOpenAI from warning about a transport that is not used here.
        return {"http_socket_options": (), **clients, **options}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether LangChain can load the model again: its loader knows LangChain's classes only."""
        return False

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """The settings of this model, by which LangChain's cache tells two models apart."""
        # LangChain puts the `stop` of a call over the model's, so that has a second name here.
        own = {"base_url": self._facts({}).url, "stop_sequences": self.stop}
        return {**super()._identifying_params, **own}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with explained_errors(self._facts(kwargs)):
            result = super()._generate(messages, stop, run_manager, **kwargs)
        return _with_call_ids(result, messages)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with explained_errors(self._facts(kwargs)):
            result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        return _with_call_ids(result, messages)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        ids = CallIds(messages)
        with explained_errors(self._facts(kwargs)) as facts:
            # Callbacks must see the ids as well, so they are called here and not further in.
            for chunk in super()._stream(messages, stop, **kwargs):
                _complete(chunk, ids)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk, **_logprobs(chunk))
                facts.note(chunk)
                yield chunk
            check_complete(facts)
            if (closing := ids.closing_chunk()) is not None:
                yield ChatGenerationChunk(message=closing)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        ids = CallIds(messages)
        with explained_errors(self._facts(kwargs)) as facts:
            async for chunk in super()._astream(messages, stop, **kwargs):
                _complete(chunk, ids)
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk, **_logprobs(chunk))
                facts.note(chunk)
                yield chunk
            check_complete(facts)
            if (closing := ids.closing_chunk()) is not None:
                yield ChatGenerationChunk(message=closing)

    def _get_request_payload(
        self, input_: Any, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """The request. A call with broken arguments cannot be answered, so servers would refuse it.

        An agent runs the other calls of the message and asks again with all of them.
        """
        messages = self._convert_input(input_).to_messages()
        if any(getattr(message, "invalid_tool_calls", None) for message in messages):
            messages = repaired_history(messages)
        return super()._get_request_payload(messages, stop=stop, **kwargs)

    def _facts(self, kwargs: Mapping[str, Any]) -> RequestFacts:
        return RequestFacts(
            url=without_password(str(self.openai_api_base or self.root_client.base_url)),
            model=str(kwargs.get("model") or self.model_name),
            timeout=kwargs.get("timeout", self.request_timeout),
            max_retries=self.max_retries,
        )

    def _create_chat_result(
        self, response: Any, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        if not isinstance(response, dict):
            for choice in response.choices:
                choice.message.role = "assistant"  # some servers name another one
                write_arguments(choice.message.tool_calls)
        result = super()._create_chat_result(response, generation_info)
        answer = response if isinstance(response, dict) else response.model_dump(warnings=False)
        for generation, choice in zip(result.generations, answer["choices"], strict=True):
            _keep_reasoning(generation.message, choice.get("message"))
        return result

    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type,
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        sent = chunk.get("chunk") or chunk  # the second in a stream of a structured answer
        if sent.get("object") == "error":  # vLLM's, before 2025
            raise ReportedError(sent)
        if fault := fault_of_chunk(sent):
            raise UnexpectedAnswer(f"a chunk of its answer is none of that protocol: {fault}")
        choices = sent.get("choices") or ()
        for choice in choices:
            choice["delta"] = choice.get("delta") or {}
            write_arguments(choice["delta"].get("tool_calls"))
        converted = super()._convert_chunk_to_generation_chunk(
            chunk, default_chunk_class, base_generation_info
        )
        if converted is not None and choices:
            _keep_reasoning(converted.message, choices[0].get("delta"))
        return converted


def _with_call_ids(result: ChatResult, messages: list[BaseMessage]) -> ChatResult:
    for generation in result.generations:
        if isinstance(generation.message, AIMessage):
            CallIds(messages).complete(generation.message)
    return result


def _complete(chunk: ChatGenerationChunk, ids: CallIds) -> None:
    if isinstance(chunk.message, AIMessageChunk):
        ids.complete_chunk(chunk.message)


def _logprobs(chunk: ChatGenerationChunk) -> dict[str, Any]:
    return {"logprobs": (chunk.generation_info or {}).get("logprobs")}


def _keep_reasoning(message: BaseMessage, sent: Mapping[str, Any] | None) -> None:
    for field in REASONING_FIELDS:
        thought = (sent or {}).get(field)
        if isinstance(thought, str) and thought:
            message.additional_kwargs["reasoning_content"] = thought
            return
