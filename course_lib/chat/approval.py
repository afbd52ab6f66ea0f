"""What a graph asks when it is interrupted, as a form that a person can answer.

An interrupt holds a value, and perhaps a JSON Schema of the answer (`response_schema`). From the
two comes a form: yes or no, a text to edit, the arguments of a tool call, or checked fields. What
the schema names and the value holds, the form starts with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from course_lib.chat.json_form import (
    Field,
    InvalidAnswer,
    field_of,
    fields_of,
    followed,
    read_json,
    schema_errors,
)
from course_lib.chat.tool_review import (
    DECISIONS,
    calls_of,
    decisions,
    inbox_answer,
    inbox_buttons,
    inbox_fields,
    inbox_request,
    review_fields,
)
from course_lib.display import format_json, summary_line

if TYPE_CHECKING:
    from langgraph.types import Interrupt

QUESTION_KEYS = ("question", "message", "description", "title", "prompt")
"""Keys of an interrupt's value under which its question may be, the likeliest first."""

APPROVAL_KEYS = ("approve", "approved", "accept", "ok", "confirm")
"""Names of a boolean field that two buttons answer better than a box to tick."""

Shape = Literal["object", "bare", "decisions", "decision", "inbox", "inbox list"]


@dataclass(frozen=True)
class Button:
    """One way to send the form.

    Args:
        label: what is written on it.
        values: the fields that pressing it answers.
    """

    label: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Approval:
    """An interrupt as a form.

    Args:
        id: of the interrupt.
        question: what is asked.
        details: the rest of the interrupt's value, to be read before answering.
        fields: what to fill in.
        buttons: how to send it.
        schema: the JSON Schema of the answer, if the graph gave one.
        shape: how the answer is put together from the fields.
        request: what a review is about: tool calls, or a request of Agent Inbox.
    """

    id: str
    question: str
    details: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    buttons: tuple[Button, ...]
    schema: Mapping[str, Any] | None = None
    shape: Shape = "object"
    request: Any = None

    @classmethod
    def of(cls, interrupt: Interrupt) -> Approval:
        """Return the form for an interrupt; any value and any schema has one."""
        schema = _json_schema(interrupt.response_schema)
        try:
            return _form(interrupt.id, interrupt.value, schema)
        except Exception:  # noqa: BLE001  a value or a schema may raise anything when it is read
            question = summary_line(interrupt.value)
            return _open_question(interrupt.id, question, (), {})

    def answer(self, given: Mapping[str, Any]) -> Any:
        """Return the answer that the graph is resumed with.

        Args:
            given: what the person filled in and which button was pressed, by field.

        Raises:
            InvalidAnswer: a field cannot be read, or the schema does not allow it.
        """
        read, errors = {}, {}
        fields = {field.name: field for field in self.fields}
        for name, value in given.items():
            try:
                read[name] = fields[name].read(value) if name in fields else value
            except InvalidAnswer as wrong:
                errors |= wrong.errors
        if errors:
            raise InvalidAnswer(errors)
        if set(read) == {"text"} and "text" not in fields:
            return _words(read["text"])  # typed by code, in place of a button
        match self.shape:
            case "decisions":
                return {"decisions": decisions(self.request, read)}
            case "decision":
                return decisions(self.request, read)[0]
            case "inbox":
                return inbox_answer(self.request, read)
            case "inbox list":
                return [inbox_answer(self.request, read)]
        self._refuse_empty(read, fields)
        if self.shape == "object":
            answer: Any = {name: value for name, value in read.items() if value is not None}
        else:
            answer = read["answer"] if "answer" in read else _words(read.get("text"))
        if self.schema is not None and (found := schema_errors(self.schema, answer)):
            raise InvalidAnswer(found)
        return answer

    def _refuse_empty(self, read: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
        required = (self.schema or {}).get("required")
        required = required if isinstance(required, (list, tuple)) else ()
        for name, value in read.items():
            emptied = name in fields and fields[name].value not in (None, "")
            if value is None and (emptied or name in required):
                raise InvalidAnswer({name: "This is empty. Fill it in."})


def errors_of(error: Exception) -> dict[str, str]:
    """Return what a graph's own check says of an answer, by field.

    Args:
        error: what a run raised for which `langgraph.errors.is_invalid_resume` holds.
    """
    if not hasattr(error, "errors"):
        return {"answer": str(error)}
    return {
        str(each["loc"][0]) if each["loc"] else "answer": str(each["msg"])
        for each in error.errors()
    }


def _form(interrupt_id: str, value: Any, schema: Mapping[str, Any] | None) -> Approval:
    if calls := calls_of(value, schema):
        return _review(interrupt_id, calls, one=value.get("type") == "tool_approval")
    if request := inbox_request(value):
        details, fields = inbox_fields(request)
        buttons = [Button(label, {"type": kind}) for kind, label in inbox_buttons(request)]
        shape: Shape = "inbox" if isinstance(value, Mapping) else "inbox list"
        question = "May the agent do this?"
        return Approval(
            interrupt_id,
            question,
            tuple(details),
            tuple(fields),
            tuple(buttons),
            None,
            shape,
            request,
        )
    question, details = _read(value)
    given = value if isinstance(value, Mapping) else {}
    if schema and isinstance(schema.get("properties"), Mapping) and schema["properties"]:
        return _object_form(interrupt_id, question, details, given, schema)
    if schema and schema.get("type") == "boolean":
        buttons = [Button("Yes", {"answer": True}), Button("No", {"answer": False})]
        return Approval(interrupt_id, question, details, (), tuple(buttons), schema, "bare")
    if schema:
        field = field_of("answer", schema, given.get("text", given.get("answer")))
        rest = tuple(each for each in details if each[0] not in ("text", "answer"))
        send = (Button("Send", {}),)
        return Approval(interrupt_id, question, rest, (field,), send, schema, "bare")
    return _open_question(interrupt_id, question, details, given)


def _object_form(
    interrupt_id: str,
    question: str,
    details: tuple[tuple[str, str], ...],
    given: Mapping[Any, Any],
    schema: Mapping[str, Any],
) -> Approval:
    properties = schema["properties"]
    yes_no = next((key for key in APPROVAL_KEYS if _is_boolean(properties.get(key))), None)
    fields = tuple(field for field in fields_of(schema, given) if field.name != yes_no)
    buttons = (Button("Send", {}),)
    if yes_no:
        buttons = (Button("Approve", {yes_no: True}), Button("Reject", {yes_no: False}))
    asked = {field.name for field in fields}
    rest = tuple(each for each in details if each[0] not in asked)
    return Approval(interrupt_id, question, rest, fields, buttons, schema)


def _open_question(
    interrupt_id: str,
    question: str,
    details: tuple[tuple[str, str], ...],
    given: Mapping[Any, Any],
) -> Approval:
    """A question without a schema: yes, no, words, or JSON."""
    draft = given.get("text")
    if isinstance(draft, str):  # a text to edit, by the look of it
        field, buttons = Field("text", "text", "long text", draft), (Button("Send", {}),)
        details = tuple(each for each in details if each[0] != "text")
    else:
        field = Field(
            "text", "If neither yes nor no: in words, or as JSON ({...} or [...])", "text", ""
        )
        buttons = (
            Button("Yes", {"answer": True}),
            Button("No", {"answer": False}),
            Button("Send the words", {}),
        )
    return Approval(interrupt_id, question, details, (field,), buttons, None, "bare")


def _review(interrupt_id: str, calls: Sequence[Mapping[str, Any]], *, one: bool) -> Approval:
    """The form for LangChain's `HumanInTheLoopMiddleware`: a decision for each tool call."""
    details, fields = review_fields(calls)
    buttons = (Button("Send", {}),)
    if len(calls) == 1:
        allowed = calls[0]["allowed"]
        buttons = tuple(Button(DECISIONS[kind], {"0.decision": kind}) for kind in allowed)
    which = "this call" if len(calls) == 1 else "these calls"
    return Approval(
        id=interrupt_id,
        question=f"May the agent make {which}?",
        details=tuple(details),
        fields=tuple(fields),
        buttons=buttons,
        shape="decision" if one else "decisions",
        request=calls,
    )


def _read(value: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The question in an interrupt's value, and the details beside it."""
    if isinstance(value, str):
        return value or "May the graph continue?", ()
    if not isinstance(value, Mapping):
        if isinstance(value, (list, tuple, set, frozenset)) and value:
            return "The graph asks:", (("value", format_json(value)),)
        return summary_line(value) or "May the graph continue?", ()
    key = next((k for k in QUESTION_KEYS if isinstance(value.get(k), str)), None)
    details = tuple(
        (k if isinstance(k, str) else summary_line(k), format_json(v))
        for k, v in value.items()
        if k != key
    )
    return (value[key] if key else "The graph asks:"), details


def _words(text: Any) -> Any:
    """An answer in words: it stays text, unless it is a JSON object or array."""
    if not isinstance(text, str):
        return text
    if not text.strip():
        raise InvalidAnswer({"text": "This is empty. Write something, or press another button."})
    if text.strip()[0] in "[{":
        try:
            return read_json(text)
        except ValueError:
            return text
    return text


def _json_schema(schema: Any) -> Mapping[str, Any] | None:
    """The JSON Schema of an answer; LangGraph stores one, and hands a type on before it does."""
    if schema is None:
        return None
    if isinstance(schema, Mapping):
        return followed(schema)
    from pydantic import TypeAdapter

    try:
        return followed(TypeAdapter(schema).json_schema())
    except Exception:  # noqa: BLE001  a type without a schema raises several types
        return None


def _is_boolean(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "boolean"
