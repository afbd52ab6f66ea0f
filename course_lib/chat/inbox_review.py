"""Forms for the requests of Agent Inbox, answered by its protocol.

The protocol is described in https://github.com/langchain-ai/agent-inbox. A graph asks with a list
of requests, mostly one, and gets a list with an answer to each in their order; a graph that asks
with the request alone gets the answer alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.chat.exact_json import is_same_json, shown_text
from course_lib.chat.json_form import Field, InvalidAnswer
from course_lib.chat.question import Details

INBOX = {
    "accept": ("allow_accept", "Accept"),
    "edit": ("allow_edit", "Accept with changes"),
    "response": ("allow_respond", "Respond"),
    "ignore": ("allow_ignore", "Ignore"),
}
"""Types of answers: which setting of a request allows each, and the label of its button."""


def inbox_requests(value: Any) -> list[Mapping[str, Any]] | None:
    """Return the requests of Agent Inbox in an interrupt's value, None where there are none.

    Args:
        value: of the interrupt: one request, or a list that holds nothing else.
    """
    requests = list(value) if isinstance(value, (list, tuple)) else [value]
    return requests if requests and all(_is_request(each) for each in requests) else None


def _is_request(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    action, config = value.get("action_request"), value.get("config")
    if not isinstance(action, Mapping) or not isinstance(config, Mapping):
        return False
    return any(config.get(setting) for setting, _ in INBOX.values())


def inbox_buttons(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the types of answers that a request allows, each with its label.

    Args:
        request: of Agent Inbox.
    """
    config = request["config"]
    return [(kind, label) for kind, (setting, label) in INBOX.items() if config.get(setting)]


def inbox_fields(requests: Sequence[Mapping[str, Any]]) -> tuple[Details, tuple[Field, ...]]:
    """Return what is shown and what is filled in to answer some requests.

    Args:
        requests: of Agent Inbox. Of several, the fields have the number of their request before
            their names, and each has a choice of its answer's type.
    """
    details: list[tuple[str, str]] = []
    fields: list[Field] = []
    for n, request in enumerate(requests):
        several = len(requests) > 1
        title = f"{n + 1}. {shown_text(request['action_request'].get('action'))}"
        number, of = (f"{n}.", f"{title}, ") if several else ("", "")
        if several:  # nothing is answered before somebody chooses
            kinds, labels = zip(*inbox_buttons(request), strict=True)
            fields.append(Field(f"{number}type", title, "choice", None, kinds, labels))
        more = _fields_of(request, number, of)
        details += more[0]
        fields += more[1]
    return tuple(details), tuple(fields)


def _fields_of(request: Mapping[str, Any], number: str, of: str) -> tuple[list[Any], list[Field]]:
    action, config = request["action_request"], request["config"]
    details = [] if of else [("action", shown_text(action.get("action")))]
    if isinstance(request.get("description"), str) and request["description"]:
        details.append((f"{of}description", request["description"]))
    fields = []
    args = action.get("args")
    if config.get("allow_edit"):
        fields.append(Field(f"{number}args", f"{of}arguments", "json", args, empty="null"))
    else:
        details.append((f"{of}arguments", shown_text(args)))
    if config.get("allow_respond"):
        fields.append(Field(f"{number}response", f"{of}your response", "long text", ""))
    return details, fields


def inbox_answers(
    requests: Sequence[Mapping[str, Any]], read: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the answers to some requests, in their order.

    Args:
        requests: of Agent Inbox.
        read: what was filled in and which button was pressed, by field.

    Raises:
        InvalidAnswer: a request is not answered, or what was filled in does not go with its answer.
    """
    if len(requests) == 1:
        return [inbox_answer(requests[0], read)]
    found: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for n, request in enumerate(requests):
        number = f"{n}."
        own = {k.removeprefix(number): v for k, v in read.items() if k.startswith(number)}
        if own.get("type") is None:
            errors[f"{number}type"] = "Choose how to answer this request."
            continue
        try:
            found.append(inbox_answer(request, own))
        except InvalidAnswer as wrong:
            errors |= {f"{number}{name}": text for name, text in wrong.errors.items()}
    if errors:
        raise InvalidAnswer(errors)
    return found


def inbox_answer(request: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request.

    Args:
        request: of Agent Inbox.
        read: what was filled in and which button was pressed, by field.

    Raises:
        InvalidAnswer: no button was pressed, or what was filled in does not go with it.
    """
    kind, action = read.get("type"), request["action_request"]
    args, words = read.get("args", action.get("args")), str(read.get("response") or "")
    if kind not in [allowed for allowed, _ in inbox_buttons(request)]:
        raise InvalidAnswer({"answer": "Press one of the buttons."})
    if words.strip() and kind != "response":
        raise InvalidAnswer({"response": "Words go with Respond only."})
    match kind:
        case "response":
            if not words.strip():
                raise InvalidAnswer({"response": "This is empty. Write your response."})
            return {"type": kind, "args": words}
        case "edit":
            if not isinstance(args, Mapping):
                wrong = "Arguments are a JSON object: {} with names and values."
                raise InvalidAnswer({"args": wrong})
            return {"type": kind, "args": {"action": action.get("action"), "args": args}}
        case "accept":
            if not is_same_json(args, action.get("args")):
                wrong = f"Changed arguments go with {INBOX['edit'][1]} only."
                raise InvalidAnswer({"args": wrong})
            return {"type": kind, "args": dict(action)}
    return {"type": kind, "args": None}
