"""A model server for tests: `OfflineChatModel` by OpenAI's protocol, on 127.0.0.1.

    with openai_server() as server:
        model = RemoteChatModel(base_url=server.url, model=server.model, api_key="any")

It streams, counts tokens, calls tools, keeps to a `response_format`, and refuses what OpenAI
refuses: a key that is not its own, a model that it does not have, and a history with a tool call
that is open, has no id, or has arguments that are not JSON.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from langchain_core.messages import AIMessageChunk

from course_lib.models import MODELS, OfflineChatModel
from course_lib.models.gateway.answers import delta_of, message_of, messages_of
from course_lib.serving.http_thread import BusyHttpServer


@dataclass
class OpenAIServer:
    """A running server.

    Args:
        url: base address, ending in `/v1`.
        key: the only key that it accepts; None to accept every key.
        requests: the body of every request for an answer, oldest first.
        script: prepared answers, the next one first; each is a list of `delta`s. A request beyond
            the script is answered by the model.
        finish_reason: why a scripted answer ends.
    """

    url: str = ""
    key: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    script: list[list[dict[str, Any]]] = field(default_factory=list)
    finish_reason: str = "stop"

    @property
    def model(self) -> str:
        return MODELS[0]


@contextmanager
def openai_server(*, key: str | None = None) -> Iterator[OpenAIServer]:
    """Run a server until the block ends."""
    httpd = BusyHttpServer(("127.0.0.1", 0), _Handler)
    httpd.state = OpenAIServer(url=f"http://127.0.0.1:{httpd.server_port}/v1", key=key)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield httpd.state
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def refusal(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why OpenAI refuses a history in its protocol's form, or None if it takes it."""
    waiting: list[str] = []
    for message in [*messages, {"role": "end"}]:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                return "a message with role 'tool' must answer a preceding message's tool_calls"
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return f"the tool calls {waiting} must be followed by messages that answer them"
        for call in message.get("tool_calls") or ():
            if not isinstance(call.get("id"), str) or not call["id"]:
                return "a tool call has no id"
            if call["id"] in waiting:
                return f"two tool calls of one message have the id {call['id']}"
            if not call["function"].get("name"):
                return "a tool call has no name"
            try:
                json.loads(call["function"]["arguments"])
            except (TypeError, ValueError):
                return f"the arguments {call['function']['arguments']!r} are not JSON"
            waiting.append(call["id"])
        if message["role"] == "assistant" and not (message.get("content") or waiting):
            return "an assistant message has neither content nor tool calls"
    return None


def call_delta(name: str, arguments: str, call_id: str | None = None, index: int = 0) -> dict:
    """Return the `delta` of a tool call, for a script; without an id if none is given."""
    call = {"index": index, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [call if call_id is None else {**call, "id": call_id}]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/v1/models":
            return self._json(200, {"data": [{"id": name, "object": "model"} for name in MODELS]})
        return self._json(404, {"detail": "Not Found"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state: OpenAIServer = self.server.state
        if self.path != "/v1/chat/completions":
            return self._json(404, {"detail": "Not Found"})
        if state.key is not None and self.headers["Authorization"] != f"Bearer {state.key}":
            return self._error(401, "Incorrect API key provided.", "invalid_api_key")
        if body["model"] not in MODELS:
            text = f"The model `{body['model']}` does not exist."
            return self._error(404, text, "model_not_found")
        state.requests.append(body)
        if reason := refusal(body["messages"]):
            return self._error(400, reason, "invalid_request_error")
        if state.script:
            deltas = state.script.pop(0)
            return self._answer(body, deltas, state.finish_reason, None)
        chunks = list(_answer_of_the_model(body))
        usage = chunks[-1].usage_metadata
        counted = {
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage["output_tokens"],
            "total_tokens": usage["total_tokens"],
        }
        reason = chunks[-1].response_metadata["finish_reason"]
        return self._answer(body, [delta_of(chunk) for chunk in chunks[:-1]], reason, counted)

    def _answer(self, body, deltas, finish_reason, usage):
        head = {"id": "chatcmpl-1", "created": 0, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": message_of(deltas), "finish_reason": finish_reason}
            object_ = {**head, "object": "chat.completion", "choices": [choice]}
            return self._json(200, {**object_, "usage": usage} if usage else object_)
        head["object"] = "chat.completion.chunk"
        first = {"role": "assistant", "content": ""}
        choices = [
            {"index": 0, "delta": delta, "finish_reason": None} for delta in [first, *deltas]
        ]
        choices.append({"index": 0, "delta": {}, "finish_reason": finish_reason})
        events = [{**head, "choices": [choice]} for choice in choices]
        if usage and (body.get("stream_options") or {}).get("include_usage"):
            events.append({**head, "choices": [], "usage": usage})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in [*map(json.dumps, events), "[DONE]"]:
            self._chunk(f"data: {event}\n\n".encode())
        return self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _error(self, status, message, code):
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return self._json(status, {"error": error})

    def _json(self, status, value):
        payload = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


def _answer_of_the_model(body: Mapping[str, Any]) -> Iterator[AIMessageChunk]:
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    stop = body.get("stop") or None
    options = {"tools", "tool_choice", "response_format"} & set(body)
    model = OfflineChatModel(model=body["model"], max_tokens=limit)
    yield from model.stream(
        messages_of(body["messages"]),
        stop=[stop] if isinstance(stop, str) else stop,
        **{option: body[option] for option in options},
    )
