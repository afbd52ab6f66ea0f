"""A chat model that records the replies of another one in a file, and gives them again.

    RecordedChatModel(path=path, model=chat_model())   # asks the model, and records
    RecordedChatModel(path=path)                       # answers from the file only

A reply belongs to its whole request: messages, tools and options. So a changed prompt finds no
reply, and the error shows where the request differs. Ids of messages and of tool calls change from
run to run and do not count. VCR.py records one level lower, the HTTP of any client.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, PrivateAttr

AROUND = 40
"""How many characters are shown of a text that differs, from a little before that place on."""

OTHER_PARTS = 3
"""How many parts of a request come before its messages, when two requests are compared."""


class RecordingError(LookupError):
    """The file has no reply to this request, or it is no recording."""


class RecordedChatModel(BaseChatModel):
    """A chat model that answers from a file.

    If the same request comes again, it gets the same reply.

    Args:
        path: the file, a request and its reply in each line. It need not exist while recording.
        model: what is asked for a reply that is not in the file, and recorded; None to ask nobody.

    Raises:
        RecordingError: the file has no reply and there is no model to ask, or a line of the file
            cannot be read.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: Path
    model: BaseChatModel | None = None
    _replies: dict[str, dict[str, Any]] | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "recorded"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"path": str(self.path)}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Describe tools to the model; they are a part of each request.

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
        kwargs.pop("ls_structured_output_format", None)  # for LangSmith's traces only
        options = {**kwargs, **({"stop": stop} if stop else {})}
        request = request_of(messages, options)
        key = _written(request)
        with self._lock:
            known = self._read().get(key)
        if known is None:
            known = message_to_dict(self._asked(messages, options, request))
            with self._lock:
                self._write(key, request, known)
        reply = messages_from_dict([known])[0].model_copy(update={"id": None})
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _asked(
        self, messages: list[BaseMessage], options: dict[str, Any], request: dict[str, Any]
    ) -> BaseMessage:
        if self.model is None:
            raise RecordingError(self._explained(request))
        given = dict(options)
        tools, choice = given.pop("tools", None), given.pop("tool_choice", None)
        model: Any = self.model.bind_tools(tools, tool_choice=choice) if tools else self.model
        # Without callbacks, tokens are streamed and counted once.
        return model.invoke(messages, {"callbacks": []}, **given)

    def _explained(self, request: dict[str, Any]) -> str:
        requests = [json.loads(key) for key in self._read()]
        again = "Record it again: RecordedChatModel(path=..., model=...)."
        if not requests:
            return f"{self.path.name} has no reply at all. {again}"
        nearest = max(requests, key=lambda each: _in_common(_parts(each), _parts(request)))
        return (
            f"None of the {len(requests)} requests in {self.path.name} is this one. The nearest "
            f"one differs in {_difference(_parts(nearest), _parts(request))}. {again}"
        )

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._replies is None:
            found: dict[str, dict[str, Any]] = {}
            lines = self.path.read_text(encoding="utf-8").splitlines() if self._exists() else []
            for number, line in enumerate(lines, 1):
                try:
                    entry = json.loads(line)
                    key = _written(entry["request"])
                    messages_from_dict([entry["reply"]])
                except (ValueError, KeyError, TypeError) as error:
                    raise RecordingError(
                        f"Line {number} of {self.path.name} is no request with its reply "
                        f"({error!r}). Delete the line and record again."
                    ) from None
                found.setdefault(key, entry["reply"])
            self._replies = found
        return self._replies

    def _exists(self) -> bool:
        if not self.path.exists() and self.model is None:
            raise RecordingError(
                f"There is no recording {self.path.name}. Make it once with a model to ask: "
                "RecordedChatModel(path=..., model=chat_model())."
            )
        return self.path.exists()

    def _write(self, key: str, request: dict[str, Any], reply: dict[str, Any]) -> None:
        if key in self._read():  # another thread asked the same
            return
        self._read()[key] = reply
        line = json.dumps({"request": request, "reply": reply}, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def request_of(messages: Sequence[BaseMessage], options: dict[str, Any]) -> dict[str, Any]:
    """Return a request as JSON, without the ids that change from run to run.

    Args:
        messages: what the model is sent, oldest first.
        options: tools and everything else.
    """
    numbers: dict[str, int] = {}

    def number(call_id: str | None) -> int:
        return numbers.setdefault(call_id or "", len(numbers) + 1)

    sent = []
    for message in messages:
        part: dict[str, Any] = {"type": message.type, "content": message.content}
        if isinstance(message, AIMessage) and message.tool_calls:
            part["calls"] = [[c["name"], c["args"], number(c["id"])] for c in message.tool_calls]
        if isinstance(message, ToolMessage):
            part |= {"answers": number(message.tool_call_id), "status": message.status}
        sent.append(part)
    return json.loads(json.dumps({"messages": sent, "options": options}, default=repr))


def _parts(request: dict[str, Any]) -> list[tuple[str, str]]:
    """The parts of a request with their names, in the order in which they are compared."""
    options = dict(request["options"])
    tools = options.pop("tools", [])
    return [
        ("the names of the tools", ", ".join(tool["function"]["name"] for tool in tools)),
        ("the schemas of the tools", _written(tools)),
        ("the options", _written(options)),
        *(
            (f"message {n} ({part['type']})", _written(part))
            for n, part in enumerate(request["messages"], 1)
        ),
    ]


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _in_common(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> tuple[int, int]:
    """How alike two requests are: parts that are the same, and characters up to a difference."""
    same = sum(a == b for a, b in zip(one, other, strict=False))
    alike = [_same_start(a[1], b[1]) for a, b in zip(one, other, strict=False)]
    return same - abs(len(one) - len(other)), sum(alike)


def _same_start(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginning on."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _difference(recorded: list[tuple[str, str]], asked: list[tuple[str, str]]) -> str:
    for (name, old), (_, new) in zip(recorded, asked, strict=False):
        if old != new:
            start = max(0, _same_start(old, new) - AROUND // 2)
            shown = [repr(text[start : start + AROUND]) for text in (old, new)]
            return f"{name}: recorded {shown[0]}, asked {shown[1]}"
    counts = [len(parts) - OTHER_PARTS for parts in (recorded, asked)]
    return f"the number of messages: recorded {counts[0]}, asked {counts[1]}"
