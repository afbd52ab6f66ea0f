"""What a graph asks when it is interrupted, as a form that a person can answer.

An interrupt holds a value, and perhaps a JSON Schema of the answer (`response_schema`). From the
two comes a form: yes or no, a text to edit, the arguments of a tool call, or checked fields. What
the schema names and the value holds, the form starts with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import ValidationError

from course_lib.chat.exact_json import is_json, read_json
from course_lib.chat.inbox_review import (
    inbox_answers,
    inbox_buttons,
    inbox_fields,
    inbox_requests,
)
from course_lib.chat.json_form import (
    LEFT_OUT,
    Field,
    InvalidAnswer,
    field_of,
    fields_of,
    schema_errors,
)
from course_lib.chat.json_schema import followed
from course_lib.chat.question import Details, question_of, record_of
from course_lib.chat.tool_review import DECISIONS, calls_of, decisions, review_fields
from course_lib.display import summary_line
from course_lib.persistence import storable

if TYPE_CHECKING:
    from langgraph.types import Interrupt

APPROVAL_KEYS = ("approve", "approved", "accept", "ok", "confirm")
"""Names of a boolean field that two buttons answer better than a box to tick."""

DRAFT_KEYS = ("text", "answer")
"""Keys of an interrupt's value under which an answer to begin with may be."""

Shape = Literal["object", "bare", "words", "decisions", "decision", "inbox", "inbox list"]


@dataclass(frozen=True)
class Button:
    """One way to send the form.

    Args:
        label: what is written on it.
        values: the fields that pressing it answers.
    """

    label: str
    values: Mapping[str, Any]


SEND = (Button("Send", {}),)
YES_NO = (Button("Yes", {"answer": True}), Button("No", {"answer": False}))
WORDS = (Button("Send the words", {}), Button("Send as JSON", {"format": "json"}))


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
        request: what a review is about: tool calls, or requests of Agent Inbox.
    """

    id: str
    question: str
    details: Details
    fields: tuple[Field, ...]
    buttons: tuple[Button, ...]
    schema: Mapping[str, Any] | None = None
    shape: Shape = "object"
    request: Any = None

    @classmethod
    def of(cls, interrupt: Interrupt) -> Approval:
        """Return the form for an interrupt; any value and any schema has one.

        Args:
            interrupt: with its value and perhaps a `response_schema`.
        """
        try:
            return _form(interrupt.id, interrupt.value, _json_schema(interrupt.response_schema))
        except Exception:  # noqa: BLE001  a value or a schema may raise anything when it is read
            return _open_question(interrupt.id, summary_line(interrupt.value), (), {})

    def answer(self, given: Mapping[str, Any]) -> Any:
        """Return the answer that the graph is resumed with.

        Args:
            given: what the person filled in and which button was pressed, by field. A `text` for
                which there is no field is an answer in words.

        Raises:
            InvalidAnswer: a field cannot be read, or the schema does not allow it.
        """
        fields = {field.name: field for field in self.fields}
        if set(given) == {"text"} and "text" not in fields:  # from code, in place of a button
            if "answer" not in fields:
                return self._checked(_words(given["text"]))
            given = {"answer": given["text"]}
        read, errors = {}, {}
        for name, value in given.items():
            try:
                read[name] = fields[name].read(value) if name in fields else value
            except InvalidAnswer as wrong:
                errors |= wrong.errors
        if errors:
            raise InvalidAnswer(errors)
        read = {name: value for name, value in read.items() if value is not LEFT_OUT}
        match self.shape:
            case "decisions":
                return {"decisions": decisions(self.request, read)}
            case "decision":
                return decisions(self.request, read)[0]
            case "inbox":
                return inbox_answers(self.request, read)[0]
            case "inbox list":
                return inbox_answers(self.request, read)
            case "object":
                return self._checked(read)
            case "words" if "answer" not in read:
                return self._in_words(read)
        if "answer" not in read:
            raise InvalidAnswer({"answer": "Nothing is filled in. Fill in the form and send it."})
        return self._checked(read["answer"])

    def _in_words(self, read: Mapping[str, Any]) -> Any:
        """The answer to an open question."""
        text = read.get("text")
        draft = next((field.value for field in self.fields if field.name == "text"), "")
        if read.get("format") == "json":
            return _json(text)
        if isinstance(text, str) and text.strip() and is_json(str(draft)):
            return text  # the text to edit is JSON, and the graph wants a text back
        return _words(text)

    def _checked(self, answer: Any) -> Any:
        if self.schema is not None and (found := schema_errors(self.schema, answer)):
            raise InvalidAnswer(found)
        return answer


def errors_of(error: Exception) -> dict[str, str]:
    """Return what a graph's own check says of an answer, by field.

    Args:
        error: what a run raised for which `langgraph.errors.is_invalid_resume` holds.
    """
    if not isinstance(error, ValidationError):
        return {"answer": str(error)}
    found: dict[str, str] = {}
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        field, *inside = map(str, each["loc"] or ("answer",))
        text = f"{'.'.join(inside)}: {each['msg']}" if inside else each["msg"]
        found[field] = f"{found[field]}\n{text}" if field in found else text
    return found


def _form(interrupt_id: str, value: Any, schema: Mapping[str, Any] | None) -> Approval:
    simple = followed(schema, schema) if schema is not None else None
    if calls := calls_of(value, simple):
        return _review(interrupt_id, calls, one=value.get("type") == "tool_approval")
    if requests := inbox_requests(value):
        shape: Shape = "inbox" if isinstance(value, Mapping) else "inbox list"
        return _inbox(interrupt_id, requests, shape)
    question, details = question_of(value)
    given = record_of(value) or {}
    if schema is None or not simple:
        return _open_question(interrupt_id, question, details, given)
    if isinstance(simple.get("properties"), Mapping) and simple["properties"]:
        properties = simple["properties"]
        return _object_form(interrupt_id, question, details, given, schema, properties)
    if simple.get("type") == "boolean":
        return Approval(interrupt_id, question, details, (), YES_NO, schema, "bare")
    key = next((key for key in DRAFT_KEYS if given.get(key) is not None), None)
    draft = {} if key is None else {"answer": given[key]}
    field = field_of("answer", schema, draft, schema, required=True)
    rest = details if key is None else _beside(details, {key: field})
    return Approval(interrupt_id, question, rest, (field,), SEND, schema, "bare")


def _object_form(
    interrupt_id: str,
    question: str,
    details: Details,
    given: Mapping[Any, Any],
    schema: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> Approval:
    yes_no = next(
        (key for key in APPROVAL_KEYS if _is_boolean(followed(properties.get(key), schema))), None
    )
    fields = tuple(field for field in fields_of(schema, given) if field.name != yes_no)
    buttons = SEND
    if yes_no:
        buttons = (Button("Approve", {yes_no: True}), Button("Reject", {yes_no: False}))
    rest = _beside(details, {field.name: field for field in fields})
    return Approval(interrupt_id, question, rest, fields, buttons, schema)


def _open_question(
    interrupt_id: str, question: str, details: Details, given: Mapping[Any, Any]
) -> Approval:
    """A question without a schema: yes, no, words, or JSON."""
    draft = given.get("text")
    if isinstance(draft, str):  # a text to edit, by the look of it
        field, buttons = Field("text", "text", "long text", draft), SEND
        details = _beside(details, {"text": field})
    else:
        label = "If neither yes nor no: in words, or as JSON ({...} or [...])"
        field, buttons = Field("text", label, "text", ""), (*YES_NO, *WORDS)
    return Approval(interrupt_id, question, details, (field,), buttons, None, "words")


def _review(interrupt_id: str, calls: Sequence[Mapping[str, Any]], *, one: bool) -> Approval:
    """The form for LangChain's `HumanInTheLoopMiddleware`: a decision for each tool call."""
    details, fields = review_fields(calls)
    buttons = SEND
    if len(calls) == 1:
        allowed = calls[0]["allowed"]
        buttons = tuple(Button(DECISIONS[kind], {"0.decision": kind}) for kind in allowed)
    question = f"May the agent make {'this call' if len(calls) == 1 else 'these calls'}?"
    shape: Shape = "decision" if one else "decisions"
    return Approval(interrupt_id, question, details, fields, buttons, None, shape, calls)


def _inbox(interrupt_id: str, requests: Sequence[Mapping[str, Any]], shape: Shape) -> Approval:
    """The form for requests of Agent Inbox: buttons to answer one, and choices for several."""
    details, fields = inbox_fields(requests)
    buttons, question = SEND, "May the agent do these things?"
    if len(requests) == 1:
        kinds = inbox_buttons(requests[0])
        buttons = tuple(Button(label, {"type": kind}) for kind, label in kinds)
        question = "May the agent do this?"
    return Approval(interrupt_id, question, details, fields, buttons, None, shape, requests)


def _beside(details: Details, fields: Mapping[str, Field]) -> Details:
    """The details that no field shows, in the same words or as a choice with a title."""

    def is_shown(name: str, text: str) -> bool:
        field = fields.get(name)
        if field is None:
            return False
        is_titled = field.kind == "choice" and bool(field.titles) and field.text != ""
        return text in (field.text, "null") or (is_titled and text == field.value)

    return tuple((name, text) for name, text in details if not is_shown(name, text))


def _words(text: Any) -> Any:
    """An answer in words: it stays text, unless it is a JSON object or array."""
    if text is None or (isinstance(text, str) and not text.strip()):
        raise InvalidAnswer({"text": "This is empty. Write something, or press another button."})
    if not isinstance(text, str):
        return text
    return _json(text) if is_json(text) else storable(text)


def _json(text: Any) -> Any:
    try:
        return read_json(text if isinstance(text, str) else "")
    except ValueError as error:
        raise InvalidAnswer({"text": f"This is no JSON that can be sent: {error}."}) from None


def _json_schema(schema: Any) -> Mapping[str, Any] | None:
    """The JSON Schema of an answer; LangGraph stores one, and hands a type on before it does."""
    if schema is None or isinstance(schema, Mapping):
        return schema
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(schema).json_schema()
    except Exception:  # noqa: BLE001  a type without a schema raises several types
        return None


def _is_boolean(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "boolean"
