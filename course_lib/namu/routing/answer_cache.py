"""An answer cache: the same request of the same tenant to the same model is answered once.

What belongs in the key:

* the tenant: what one customer's person wrote and was told is never another customer's. A run
  without a tenant is not cached, so nobody shares an answer by accident;
* the model, because two models give two answers;
* the version of the prompt, because an answer to an older prompt is an answer to another question;
* everything that was sent: all messages, the tools, the format, where the answer ends.

Requests are equal or they are not. "Book it for 2" and "book it for 4" are nearly the same to an
embedding, and need two answers, so no threshold of similarity is asked.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.cache.base import BaseCache, FullKey


class AnswerCache:
    """Answers of models, in one of LangGraph's caches.

    Args:
        cache: where they are kept, such as `InMemoryCache()` or `SqliteCache(path=...)`.
        prompt_version: changes whenever the prompts or the tools are changed in a way that their
            texts do not show.
        ttl: seconds after which an answer is asked for again; None to keep it.
    """

    def __init__(
        self, cache: BaseCache[Any], *, prompt_version: str, ttl: int | None = 3600
    ) -> None:
        if ttl is not None and not ttl > 0:
            raise ValueError(f"ttl is {ttl} seconds. Give at least 1, or None to keep answers.")
        self._cache, self._prompt_version, self._ttl = cache, prompt_version, ttl
        self.hits = self.misses = 0

    def key(
        self,
        tenant: str,
        model: str,
        messages: Sequence[BaseMessage],
        options: Mapping[str, Any],
    ) -> FullKey:
        """Return the key of a request: a namespace of the tenant, and a hash of everything else.

        Args:
            tenant: whose request it is.
            model: name of the model that is asked.
            messages: all of them.
            options: what else the request holds: tools, a choice of one, a format, stops.
        """
        sent = {
            "model": model,
            "prompt_version": self._prompt_version,
            "messages": _without_ids(messages),
            "options": options,
        }
        written = json.dumps(sent, sort_keys=True, ensure_ascii=True, default=repr)
        return ("answers", tenant), hashlib.sha256(written.encode()).hexdigest()

    def get(self, key: FullKey) -> AIMessage | None:
        """Return the answer that is kept under a key, None if there is none.

        It has no usage, because it cost nothing, and `response_metadata["cached"]` is True. Its
        tool calls have ids of their own: two calls of one thread may not share an id.

        Args:
            key: as from `key`.
        """
        return self._told(self._cache.get([key]).get(key))

    async def aget(self, key: FullKey) -> AIMessage | None:
        """Do what `get` does, without blocking the event loop.

        Args:
            key: as from `key`.
        """
        return self._told((await self._cache.aget([key])).get(key))

    def set(self, key: FullKey, answer: AIMessage) -> None:
        """Keep an answer.

        Args:
            key: as from `key`.
            answer: a whole one.
        """
        self._cache.set({key: (_kept(answer), self._ttl)})

    async def aset(self, key: FullKey, answer: AIMessage) -> None:
        """Do what `set` does, without blocking the event loop.

        Args:
            key: as from `key`.
            answer: a whole one.
        """
        await self._cache.aset({key: (_kept(answer), self._ttl)})

    def forget(self, tenant: str) -> None:
        """Delete all answers of a tenant.

        Args:
            tenant: whose answers go.
        """
        self._cache.clear([("answers", tenant)])

    def _told(self, kept: Mapping[str, Any] | None) -> AIMessage | None:
        if kept is None:
            self.misses += 1
            return None
        self.hits += 1
        calls = [{**call, "id": f"call_{uuid.uuid4().hex[:12]}"} for call in kept["tool_calls"]]
        return AIMessage(
            kept["content"],
            tool_calls=calls,
            response_metadata={**kept["response_metadata"], "cached": True},
        )


def _kept(answer: AIMessage) -> dict[str, Any]:
    kept = {
        name: answer.response_metadata[name]
        for name in ("model_name", "model_provider", "finish_reason", "answered_by")
        if name in answer.response_metadata
    }
    calls = [{"name": call["name"], "args": call["args"]} for call in answer.tool_calls]
    return {"content": answer.content, "tool_calls": calls, "response_metadata": kept}


def _without_ids(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return what a model reads of messages: ids are random, and tell only which answers which."""
    numbers: dict[str, int] = {}
    told = []
    for message in messages:
        one: dict[str, Any] = {"type": message.type, "content": message.content}
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                numbers.setdefault(str(call["id"]), len(numbers))
            one["calls"] = [
                [call["name"], call["args"], numbers[str(call["id"])]]
                for call in message.tool_calls
            ]
        if isinstance(message, ToolMessage):
            one["answers"] = numbers.get(message.tool_call_id)
            one["status"] = message.status
        told.append(one)
    return told
