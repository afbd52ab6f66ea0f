"""The messages of a dialogue, in OpenAI's form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tools.tiny_model.places import Place

ORDER = ("category", "district", "tags", "indoor", "max_price", "min_price", "name", "near")
"""The order in which the model writes the arguments of a search."""


def ordered(wish: Mapping[str, Any], without: Sequence[str] = ()) -> dict[str, Any]:
    """Return a wish with its arguments in the order in which the model writes them."""
    return {key: wish[key] for key in ORDER if key in wish and key not in without}


def says(text: str) -> dict[str, Any]:
    """Return an answer in words."""
    return {"role": "assistant", "content": text}


def as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer in JSON."""
    return says(json.dumps(value, ensure_ascii=False))


def called(name: str, arguments: Mapping[str, Any], result: str, key: str) -> list[dict[str, Any]]:
    """Return a tool call and its result, as two messages."""
    function = {"name": name, "arguments": dict(arguments)}
    call = {"id": f"call_{key}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": result},
    ]


def written(places: Sequence[Place]) -> str:
    """Return what `search_places` answers: places as JSON."""
    return json.dumps([place.as_dict() for place in places], ensure_ascii=False)
