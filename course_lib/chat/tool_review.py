"""Forms for reviewing tool calls: LangChain's `HumanInTheLoopMiddleware` in both of its modes.

The middleware asks about all calls of a message at once (`interrupt_mode="batched"`) or about each
call by itself (`"per_call"`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from course_lib.chat.exact_json import is_same_json, shown_text
from course_lib.chat.json_form import Field, InvalidAnswer
from course_lib.chat.question import Details

if TYPE_CHECKING:
    from langchain.agents.middleware.human_in_the_loop import Decision, DecisionType

DECISIONS: Mapping[DecisionType, str] = {
    "approve": "Approve",
    "edit": "Approve with changes",
    "reject": "Reject",
    "respond": "Respond in its place",
}
"""Labels of the buttons for the decisions of LangChain's middleware."""


def calls_of(value: Any, schema: Any) -> list[dict[str, Any]] | None:
    """Return the tool calls that LangChain's middleware asks about, with what may be decided.

    Args:
        value: of the interrupt: a `HITLRequest` or a `ToolApprovalRequest`.
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
    if not all(isinstance(request, Mapping) and "name" in request for request in requests):
        return None
    configs = value.get("review_configs") or ()
    allowed = {
        config.get("action_name"): config.get("allowed_decisions")
        for config in (configs if isinstance(configs, Sequence) else ())
        if isinstance(config, Mapping)
    }
    return [_call(request, allowed.get(request["name"])) for request in requests]


def review_fields(calls: Sequence[Mapping[str, Any]]) -> tuple[Details, tuple[Field, ...]]:
    """Return what is shown and what is filled in to review some calls.

    Args:
        calls: as `calls_of` returned them.
    """
    details: list[tuple[str, str]] = []
    fields: list[Field] = []
    for n, call in enumerate(calls):
        name, allowed = call["name"], call["allowed"]
        of = "" if len(calls) == 1 else f"{name}, "
        if len(calls) == 1:
            details.append(("tool", name))
        else:  # nothing is decided before somebody chooses
            titles = tuple(DECISIONS[kind] for kind in allowed)
            fields.append(Field(f"{n}.decision", name, "choice", None, allowed, titles))
        if isinstance(call["description"], str) and call["description"]:
            details.append((f"{name}, description", call["description"]))
        if "edit" in allowed:
            fields.append(Field(f"{n}.args", f"{of}arguments", "json", call["args"], empty="null"))
        else:
            details.append((f"{name}, arguments", shown_text(call["args"])))
        if {"reject", "respond"} & set(allowed):
            label = f"{of}words, to reject or respond with"
            fields.append(Field(f"{n}.message", label, "long text", ""))
    return tuple(details), tuple(fields)


def decisions(calls: Sequence[Mapping[str, Any]], read: Mapping[str, Any]) -> list[Decision]:
    """Return the decisions on some calls.

    Args:
        calls: as `calls_of` returned them.
        read: what was filled in and which button was pressed, by field.

    Raises:
        InvalidAnswer: a call is not decided, or what was filled in does not go with the decision.
    """
    found: list[Decision] = []
    errors: dict[str, str] = {}
    for n, call in enumerate(calls):
        decision, wrong = _decision(
            call,
            read.get(f"{n}.decision"),
            read.get(f"{n}.args", call["args"]),
            str(read.get(f"{n}.message") or ""),
        )
        found.append(cast("Decision", decision))
        errors |= {f"{n}.{name}": text for name, text in wrong.items()}
    if errors:
        raise InvalidAnswer(errors)
    return found


def _call(request: Mapping[str, Any], allowed: Any) -> dict[str, Any]:
    known = tuple(dict.fromkeys(each for each in allowed or () if each in DECISIONS))
    return {
        "name": str(request["name"]),
        "args": request.get("args", {}),
        "description": request.get("description"),
        "allowed": known or ("approve", "reject"),
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


def _decision(
    call: Mapping[str, Any], kind: Any, args: Any, words: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """One decision, and what is wrong with it, by field."""
    decision: dict[str, Any] = {"type": kind}
    wrong: dict[str, str] = {}
    if kind not in call["allowed"]:
        return decision, {"decision": "Choose what shall be done with this call."}
    if kind == "edit":
        if not isinstance(args, Mapping):
            wrong["args"] = "Arguments are a JSON object: {} with names and values."
        decision["edited_action"] = {"name": call["name"], "args": args}
    elif kind == "approve" and not is_same_json(args, call["args"]):
        label = DECISIONS["edit"]
        wrong["args"] = f"These are not the arguments that were asked for: choose {label}."
    if kind in ("approve", "edit") and words.strip():
        wrong["message"] = "Words go with reject or respond only."
    elif kind == "respond" and not words.strip():
        wrong["message"] = "This is empty. Write what the tool should have said."
    elif words.strip():
        decision["message"] = words
    return decision, wrong
