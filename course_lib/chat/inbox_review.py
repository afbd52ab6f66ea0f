"""Forms for the requests of Agent Inbox, answered by its protocol.

The protocol is described in https://github.com/langchain-ai/agent-inbox. A graph asks with a list
that holds one request, and gets a list that holds one answer; a graph that asks with the request
alone gets the answer alone.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def inbox_request(value: Any) -> Mapping[str, Any] | None:
    """Return the request of Agent Inbox in an interrupt's value, None where there is none.

    Args:
        value: of the interrupt.
    """
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    action, config = value.get("action_request"), value.get("config")
    if not isinstance(action, Mapping) or not isinstance(config, Mapping):
        return None
    return value if any(config.get(setting) for setting, _ in INBOX.values()) else None


def inbox_buttons(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the types of answers that a request allows, each with its label.

    Args:
        request: of Agent Inbox.
    """
    config = request["config"]
    return [(kind, label) for kind, (setting, label) in INBOX.items() if config.get(setting)]


def inbox_fields(request: Mapping[str, Any]) -> tuple[Details, tuple[Field, ...]]:
    """Return what is shown and what is filled in to answer a request.

    Args:
        request: of Agent Inbox.
    """
    action, config = request["action_request"], request["config"]
    details = [("action", shown_text(action.get("action")))]
    if isinstance(request.get("description"), str) and request["description"]:
        details.append(("description", request["description"]))
    fields = []
    if config.get("allow_edit"):
        fields.append(Field("args", "arguments", "json", action.get("args"), empty="null"))
    else:
        details.append(("arguments", shown_text(action.get("args"))))
    if config.get("allow_respond"):
        fields.append(Field("response", "your response", "long text", ""))
    return tuple(details), tuple(fields)


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
