"""What a graph asks when it is interrupted, as a form a person can answer.

An interrupt holds a value, and perhaps a JSON Schema of the answer (`response_schema`). From the
two comes a form: yes or no, a text to edit, the arguments of a tool call, or checked fields. What
the schema names and the value holds, the form starts with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jsonschema import Draft202012Validator

from course_lib.display import summary_line
from course_lib.display.tables import format_json

if TYPE_CHECKING:
    from langgraph.types import Interrupt

QUESTION_KEYS = ("question", "message", "description", "title", "prompt")
"""Keys of an interrupt's value under which its question may stand, the likeliest first."""

APPROVAL_KEYS = ("approve", "approved", "accept", "ok", "confirm")
"""Names of a boolean field that two buttons answer better than a box to tick."""

DECISIONS = {
    "approve": "Approve",
    "edit": "Approve with changes",
    "reject": "Reject",
    "respond": "Respond in its place",
}
"""What is on the buttons for the decisions of LangChain's middleware."""

CHOOSE = "choose ..."
"""What a choice says before anything is chosen."""

LONG = 60
"""A text of more characters than this is edited in a box of several lines."""

Kind = Literal["text", "long text", "integer", "number", "boolean", "choice", "json"]


class Refused(ValueError):
    """An answer that does not fit; `errors` says what is wrong, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True)
class Field:
    """One thing to fill in.

    Args:
        name: its key in the answer.
        label: what the person reads.
        kind: what it holds.
        value: what it starts with.
        choices: what may be chosen, for a choice.
    """

    name: str
    label: str
    kind: Kind
    value: Any = None
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Button:
    """One way to send the form.

    Args:
        label: what is on it.
        sets: fields that it answers by being pressed.
    """

    label: str
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class Approval:
    """An interrupt as a form.

    Args:
        id: of the interrupt.
        question: what is asked.
        facts: the rest of the interrupt's value, to be read before answering.
        fields: what to fill in.
        buttons: how to send it.
        schema: the JSON Schema of the answer, if the graph gave one.
        shape: how the answer is put together from the fields.
    """

    id: str
    question: str
    facts: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    buttons: tuple[Button, ...]
    schema: Mapping[str, Any] | None = None
    shape: Literal["object", "bare", "decisions"] = "object"

    @classmethod
    def of(cls, interrupt: Interrupt) -> Approval:
        """Make the form for an interrupt."""
        value, schema = interrupt.value, interrupt.response_schema
        if isinstance(value, Mapping) and "action_requests" in value:
            return _review(interrupt.id, value)
        question, facts = _read(value)
        if not isinstance(schema, Mapping):
            schema = None
        properties = (schema or {}).get("properties")
        given = value if isinstance(value, Mapping) else {}
        if properties:
            yes_no = next((k for k in APPROVAL_KEYS if _is_boolean(properties.get(k))), None)
            fields = tuple(
                _field(name, part, given.get(name), schema)
                for name, part in properties.items()
                if name != yes_no
            )
            buttons = _approve_or_reject(yes_no) if yes_no else (Button("Send", {}),)
            asked = {field.name for field in fields}
            facts = tuple((name, text) for name, text in facts if name not in asked)
            return cls(interrupt.id, question, facts, fields, buttons, schema)
        if schema and schema.get("type") != "boolean":
            field = _field("answer", schema, given.get("text", given.get("answer")), schema)
            facts = tuple((name, text) for name, text in facts if name not in ("text", "answer"))
            return cls(
                interrupt.id, question, facts, (field,), (Button("Send", {}),), schema, "bare"
            )
        buttons = (Button("Yes", {"answer": True}), Button("No", {"answer": False}))
        if schema is not None:
            return cls(interrupt.id, question, facts, (), buttons, schema, "bare")
        draft = given.get("text")
        if isinstance(draft, str):  # a text to edit, by the look of it
            field, buttons = Field("text", "text", "long text", draft), (Button("Send", {}),)
            facts = tuple((name, text) for name, text in facts if name != "text")
        else:
            field = Field("text", "If neither yes nor no: in words, or a number", "text", "")
            buttons = (*buttons, Button("Send the words", {}))
        return cls(interrupt.id, question, facts, (field,), buttons, None, "bare")

    def answer(self, given: Mapping[str, Any]) -> Any:
        """Put the answer together that the graph is resumed with.

        Args:
            given: what the person filled in and which button she pressed, by field.

        Raises:
            Refused: a field cannot be read, or the schema does not allow it.
        """
        fields = {field.name: field for field in self.fields}
        read = {name: _parse(fields.get(name), value) for name, value in given.items()}
        if self.shape == "decisions":
            own = {k: v for k, v in self.buttons[0].sets.items() if k.endswith(".name")}
            return {"decisions": _decisions(read | own, fields)}
        for name, value in read.items():
            emptied = name in fields and fields[name].value not in (None, "")
            if value is None and (emptied or name in (self.schema or {}).get("required", ())):
                raise Refused({name: "This is empty. Fill it in."})
        if self.shape == "object":
            answer: Any = {name: value for name, value in read.items() if value is not None}
        else:
            answer = read["answer"] if "answer" in read else self._words(read.get("text"))
        self._check(answer)
        return answer

    def _words(self, text: Any) -> Any:
        """An answer in words; without a schema to say so, a whole number is taken for one."""
        if not str(text or "").strip():
            raise Refused({"text": "This is empty. Write something, or press another button."})
        number = str(text).strip()
        return int(number) if number.lstrip("-").isdecimal() and number.isascii() else text

    def _check(self, answer: Any) -> None:
        if self.schema is None:
            return
        errors: dict[str, str] = {}
        for error in Draft202012Validator(self.schema).iter_errors(answer):
            name = str(error.absolute_path[0]) if error.absolute_path else "answer"
            errors.setdefault(name, error.message)
        if errors:
            raise Refused(errors)


def errors_of(error: Exception) -> dict[str, str]:
    """Read what a graph's own check says of an answer, by field.

    Args:
        error: what a run raised for which `langgraph.errors.is_invalid_resume` holds.
    """
    if not hasattr(error, "errors"):
        return {"answer": str(error)}
    return {
        str(each["loc"][0]) if each["loc"] else "answer": str(each["msg"])
        for each in error.errors()
    }


def _read(value: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The question in an interrupt's value, and the facts beside it."""
    if not isinstance(value, Mapping):
        return (
            value if isinstance(value, str) else summary_line(value)
        ) or "May the graph go on?", ()
    key = next((k for k in QUESTION_KEYS if isinstance(value.get(k), str)), None)
    facts = tuple((str(k), format_json(v)) for k, v in value.items() if k != key)
    return (value[key] if key else "The graph asks:"), facts


def _approve_or_reject(name: str) -> tuple[Button, ...]:
    return Button("Approve", {name: True}), Button("Reject", {name: False})


def _is_boolean(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "boolean"


def _field(name: str, part: Any, given: Any, root: Mapping[str, Any]) -> Field:
    part = _resolved(part, root) if isinstance(part, Mapping) else {}  # `true` allows anything
    label = part.get("description") or part.get("title") or name.replace("_", " ")
    value = given if given is not None else part.get("default")
    if part.get("enum"):
        choices = tuple(part["enum"])
        return Field(name, label, "choice", value if value in choices else choices[0], choices)
    kind = part.get("type")
    if kind in ("integer", "number", "boolean"):
        return Field(name, label, kind, value)
    if kind == "string":
        text = "" if value is None else str(value)
        return Field(name, label, "long text" if len(text) > LONG else "text", text)
    return Field(name, label, "json", "" if value is None else format_json(value))


def _resolved(part: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with its reference followed, and the null of an optional field left out."""
    if "$ref" in part:
        found = root.get("$defs", {}).get(part["$ref"].rpartition("/")[2], {})
        part = {**found, **{k: v for k, v in part.items() if k != "$ref"}}
    options = [each for each in part.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:
        rest = {k: v for k, v in part.items() if k != "anyOf"}
        return {**_resolved(options[0], root), **rest}
    if "const" in part:
        return {**part, "enum": [part["const"]]}
    return part


def _parse(field: Field | None, value: Any) -> Any:
    """What a person typed, as the type its field asks for."""
    if field is None or not isinstance(value, str):
        return value
    if field.kind in ("integer", "number"):
        if not value.strip():
            return None
        try:
            number = int(value) if field.kind == "integer" else float(value)
            if math.isfinite(number):
                return number
            raise ValueError(value)
        except ValueError:
            text = f"{value!r} is no {'whole ' if field.kind == 'integer' else ''}number."
            raise Refused({field.name: text}) from None
    if field.kind == "choice":
        return next((choice for choice in field.choices if str(choice) == value), value)
    if field.kind == "json":
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            if field.value in (None, "") and value.strip()[0] not in "[{":
                return value  # a field of mixed types; the schema says whether words will do
            raise Refused({field.name: f"This is no JSON: {error}."}) from None
    return value


def _review(interrupt_id: str, value: Mapping[str, Any]) -> Approval:
    """The form for LangChain's `HumanInTheLoopMiddleware`: a decision for each tool call."""
    requests = value["action_requests"]
    allowed = {c["action_name"]: c["allowed_decisions"] for c in value.get("review_configs", ())}
    fields: list[Field] = []
    facts: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    alone = len(requests) == 1
    may: tuple[str, ...] = ()
    for n, request in enumerate(requests):
        may = tuple(allowed.get(request["name"]) or ("approve", "reject"))
        names[f"{n}.name"] = request["name"]
        if alone:
            facts.append(("tool", request["name"]))
        else:  # nothing is decided before somebody chooses
            fields.append(Field(f"{n}.decision", request["name"], "choice", CHOOSE, (CHOOSE, *may)))
        if "edit" in may:
            arguments = format_json(request["args"])
            fields.append(Field(f"{n}.args", "arguments", "json", arguments))
        else:
            facts.append((f"{request['name']}, arguments", format_json(request["args"])))
        if {"reject", "respond"} & set(may):
            fields.append(Field(f"{n}.message", "words, to reject or respond with", "text", ""))
    buttons = (Button("Send", names),)
    if alone:
        buttons = tuple(
            Button(DECISIONS.get(each, each), {**names, "0.decision": each}) for each in may
        )
    question = f"May the agent make {'this call' if alone else 'these calls'}?"
    return Approval(interrupt_id, question, tuple(facts), tuple(fields), buttons, shape="decisions")


def _decisions(read: Mapping[str, Any], fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    """The decisions, or what in them does not go together: nothing is dropped in silence."""
    decisions, errors = [], {}
    for n in range(sum(name.endswith(".name") for name in read)):  # the card's own names
        kind, args = read.get(f"{n}.decision"), read.get(f"{n}.args")
        words = str(read.get(f"{n}.message") or "").strip()
        field = fields.get(f"{n}.args")
        decision: dict[str, Any] = {"type": kind}
        if kind in (None, CHOOSE):
            errors[f"{n}.decision"] = "Choose what shall be done with this call."
        elif kind == "edit":
            if not isinstance(args, dict):
                errors[f"{n}.args"] = "Arguments are a JSON object: {} with names and values."
            decision["edited_action"] = {"name": read[f"{n}.name"], "args": args}
        elif kind == "approve" and field is not None and args != json.loads(str(field.value)):
            errors[f"{n}.args"] = "These are not the arguments that were asked for: choose edit."
        if kind in ("approve", "edit") and words:
            errors[f"{n}.message"] = "Words go with reject or respond only."
        elif kind == "respond" and not words:
            errors[f"{n}.message"] = "This is empty. Write what the tool should have said."
        elif words:
            decision["message"] = words
        decisions.append(decision)
    if errors:
        raise Refused(errors)
    return decisions
