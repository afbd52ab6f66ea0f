"""Forms for reviewing tool calls: LangChain's middleware in both modes, and agent-inbox's requests.

LangChain's `HumanInTheLoopMiddleware` asks about all calls of a message at once (`batched`) or
about each by itself (`per_call`). Agent Inbox asks with a list that holds one request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from course_lib.chat.json_form import Field, InvalidAnswer
from course_lib.display import format_json
from course_lib.persistence import is_equal

DECISIONS = {
    "approve": "Approve",
    "edit": "Approve with changes",
    "reject": "Reject",
    "respond": "Respond in its place",
}
"""Labels of the buttons for the decisions of LangChain's middleware."""

INBOX = {
    "accept": ("allow_accept", "Accept"),
    "edit": ("allow_edit", "Accept with changes"),
    "response": ("allow_respond", "Respond"),
    "ignore": ("allow_ignore", "Ignore"),
}
"""Agent Inbox's types of answers: which setting allows each, and the label of its button."""

CHOOSE = "choose ..."
"""What a choice says before anything is chosen."""

Details = list[tuple[str, str]]


def calls_of(value: Any, schema: Any) -> list[dict[str, Any]] | None:
    """Return the tool calls that LangChain's middleware asks about, with what may be decided.

    Args:
        value: of the interrupt.
        schema: of its answer.

    Returns:
        For each call its `name`, `args`, `description` and `allowed` decisions; None where the
        interrupt is of another kind.
    """
    if not isinstance(value, Mapping):
        return None
    if value.get("type") == "tool_approval" and "name" in value:
        return [_call(value, list(_decisions_in(schema)))]
    requests = value.get("action_requests")
    if not isinstance(requests, Sequence) or not requests or isinstance(requests, str):
        return None
    configs = value.get("review_configs") or ()
    allowed = {
        config.get("action_name"): config.get("allowed_decisions")
        for config in (configs if isinstance(configs, Sequence) else ())
        if isinstance(config, Mapping)
    }
    if not all(isinstance(request, Mapping) and "name" in request for request in requests):
        return None
    return [_call(request, allowed.get(request["name"])) for request in requests]


def _call(request: Mapping[str, Any], allowed: Any) -> dict[str, Any]:
    known = [each for each in allowed or () if each in DECISIONS]
    return {
        "name": str(request["name"]),
        "args": request.get("args", {}),
        "description": request.get("description"),
        "allowed": known or ["approve", "reject"],
    }


def _decisions_in(schema: Any) -> Iterator[str]:
    """The decisions that an answer's schema names, in its order."""
    if isinstance(schema, Mapping):
        kind = (schema.get("properties") or {}).get("type")
        if isinstance(kind, Mapping):
            yield from [kind["const"]] if "const" in kind else kind.get("enum") or ()
        for name in ("oneOf", "anyOf"):
            for part in schema.get(name) or ():
                yield from _decisions_in(part)


def review_fields(calls: Sequence[Mapping[str, Any]]) -> tuple[Details, list[Field]]:
    """Return what is shown and what is filled in to review some calls."""
    details: Details = []
    fields: list[Field] = []
    for n, call in enumerate(calls):
        name, allowed = call["name"], call["allowed"]
        if len(calls) == 1:
            details.append(("tool", name))
        else:  # nothing is decided before somebody chooses
            choices = (CHOOSE, *allowed)
            fields.append(Field(f"{n}.decision", name, "choice", CHOOSE, choices))
        if isinstance(call["description"], str) and call["description"]:
            details.append((f"{name}, description", call["description"]))
        if "edit" in allowed:
            fields.append(Field(f"{n}.args", "arguments", "json", call["args"]))
        else:
            details.append((f"{name}, arguments", format_json(call["args"])))
        if {"reject", "respond"} & set(allowed):
            fields.append(Field(f"{n}.message", "words, to reject or respond with", "text", ""))
    return details, fields


def decisions(calls: Sequence[Mapping[str, Any]], read: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the decisions on some calls.

    Args:
        calls: as `calls_of` returned them.
        read: what was filled in and which button was pressed, by field.

    Raises:
        InvalidAnswer: a call is not decided, or what was filled in does not go with the decision.
    """
    found: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for n, call in enumerate(calls):
        kind, args = read.get(f"{n}.decision"), read.get(f"{n}.args")
        words = str(read.get(f"{n}.message") or "").strip()
        decision: dict[str, Any] = {"type": kind}
        if kind not in call["allowed"]:
            errors[f"{n}.decision"] = "Choose what shall be done with this call."
        elif kind == "edit":
            if not isinstance(args, dict):
                errors[f"{n}.args"] = "Arguments are a JSON object: {} with names and values."
            decision["edited_action"] = {"name": call["name"], "args": args}
        elif kind == "approve" and f"{n}.args" in read and not is_equal(args, call["args"]):
            errors[f"{n}.args"] = "These are not the arguments that were asked for: choose edit."
        if kind in ("approve", "edit") and words:
            errors[f"{n}.message"] = "Words go with reject or respond only."
        elif kind == "respond" and not words:
            errors[f"{n}.message"] = "This is empty. Write what the tool should have said."
        elif words:
            decision["message"] = words
        found.append(decision)
    if errors:
        raise InvalidAnswer(errors)
    return found


def inbox_request(value: Any) -> Mapping[str, Any] | None:
    """Return the request of Agent Inbox in an interrupt's value, None where there is none."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    action, config = value.get("action_request"), value.get("config")
    if not isinstance(action, Mapping) or not isinstance(config, Mapping):
        return None
    return value if any(config.get(setting) for setting, _ in INBOX.values()) else None


def inbox_buttons(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the types of answers that a request allows, each with its label."""
    config = request["config"]
    return [(kind, label) for kind, (setting, label) in INBOX.items() if config.get(setting)]


def inbox_fields(request: Mapping[str, Any]) -> tuple[Details, list[Field]]:
    """Return what is shown and what is filled in to answer a request of Agent Inbox."""
    action, config = request["action_request"], request["config"]
    details: Details = [("action", format_json(action.get("action")))]
    if isinstance(request.get("description"), str) and request["description"]:
        details.append(("description", request["description"]))
    fields = []
    if config.get("allow_edit"):
        fields.append(Field("args", "arguments", "json", action.get("args")))
    else:
        details.append(("arguments", format_json(action.get("args"))))
    if config.get("allow_respond"):
        fields.append(Field("response", "your response", "text", ""))
    return details, fields


def inbox_answer(request: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request, in Agent Inbox's form.

    Args:
        request: of Agent Inbox.
        read: what was filled in and which button was pressed, by field.

    Raises:
        InvalidAnswer: no button was pressed, or what was filled in does not go with it.
    """
    kind, action = read.get("type"), request["action_request"]
    words = str(read.get("response") or "").strip()
    if kind not in dict(inbox_buttons(request)):
        raise InvalidAnswer({"answer": "Press one of the buttons."})
    if words and kind != "response":
        raise InvalidAnswer({"response": "Words go with Respond only."})
    if kind == "accept" and "args" in read and not is_equal(read["args"], action.get("args")):
        raise InvalidAnswer({"args": "These are not the arguments that were asked for."})
    if kind == "response":
        if not words:
            raise InvalidAnswer({"response": "This is empty. Write your response."})
        return {"type": kind, "args": words}
    if kind == "edit":
        return {"type": kind, "args": {"action": action.get("action"), "args": read.get("args")}}
    return {"type": kind, "args": None}
