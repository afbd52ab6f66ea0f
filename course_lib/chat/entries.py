"""Entries of the transcript, made from messages, errors and the state of a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import httpx
from langchain_core.messages import BaseMessage
from langgraph.constants import START
from langgraph.errors import GraphRecursionError

from course_lib.chat.answer_endings import ending_of
from course_lib.chat.chips import Chip
from course_lib.chat.entry_diff import Entry
from course_lib.chat.markup import exact, plain, to_html
from course_lib.display import NODE_LABELS, summary_line
from course_lib.persistence import remedy_for

if TYPE_CHECKING:
    from course_lib.chat.events import ThreadLoaded

MAX_MARKDOWN_LENGTH = 20_000
"""Longest text that is read as Markdown, in characters; a longer one is shown as it was written."""

STOPPED = "Stopped. What was stored before is still there."
REOPEN = (
    "The run failed after it had taken an answer. Try again repeats it with the same answer. Ask "
    "again opens the question again."
)
NOT_STORED = "not stored in the thread"
NOT_KNOWN = "not stored, as far as is known: the thread could not be read"
BROKEN_OFF = "the answer broke off"
NOT_KEPT = "the graph did not keep it"
DISCARDED = "you went on before its step had ended"
ONLY_SYNCHRONOUS = (
    "A part of this graph can only be called synchronously, and the chat runs every graph "
    "asynchronously: give that part an asynchronous version (`async def`) as well."
)


def person_entry(key: str, message: BaseMessage) -> Entry:
    """Return the entry of a person's message that the thread holds."""
    entry = {"kind": "you", "key": key, "text": plain(_text(message)), "kept": True}
    attachments = _attachments(message)
    return {**entry, "attachments": attachments} if attachments else entry


def unstored_entry(key: str, message: BaseMessage, note: str = NOT_STORED) -> Entry:
    """Return the entry of a person's message that the thread does not hold.

    Args:
        key: of the message.
        message: as it was sent.
        note: what is said of it.
    """
    return {**person_entry(f"unstored-{key}", message), "kept": False, "note": note}


def answer_entry(key: str, text: str, *, author: str | None = None) -> Entry:
    """Return the entry of an answer.

    Args:
        key: of its message.
        text: what was said, in Markdown.
        author: name of the agent that wrote it.
    """
    entry: Entry = {"kind": "answer", "key": key, "text": plain(text), "kept": True}
    if len(text) <= MAX_MARKDOWN_LENGTH:
        entry["html"] = to_html(text)
    return {**entry, "author": exact(author)} if author else entry


def unstored_answer(text: str, reason: str, *, before: str = "") -> Entry:
    """Return the entry of an answer that was shown and that the thread does not hold.

    Args:
        text: what was shown.
        reason: why it was not stored; `NOT_KNOWN` where that is not known.
        before: key of the stored answer that was written after it; empty where none was.
    """
    note = reason if reason == NOT_KNOWN else f"{NOT_STORED}: {reason}"
    return {**answer_entry("", text), "kept": False, "note": note, "before": before}


def note_entry(kind: str, text: str) -> Entry:
    """Return a note of this sitting: `note` or `problem`."""
    return {"kind": kind, "key": "", "text": plain(text)}


def caveat_entries(caveats: Sequence[str]) -> list[Entry]:
    """Return the notes on what the chat cannot do well on a graph; they stand above each thread."""
    return [{**note_entry("note", text), "key": f"caveat-{n}"} for n, text in enumerate(caveats)]


def given_answer_entry(key: str, message: BaseMessage) -> Entry:
    """Return the entry of a message in which a node stored a person's answer to its question.

    It is the person's, but no run began with it, so it is not offered to be edited.
    """
    return {**person_entry(key, message), "sent": False}


def message_entries(key: str, message: BaseMessage, *, graph_written: bool) -> list[Entry]:
    """Return the entries of a message that a node wrote.

    Args:
        key: of the message.
        message: as it is stored.
        graph_written: whether it has the role of a person.
    """
    text, name = _text(message), message.name
    if message.type == "human" and graph_written:
        return [{**answer_entry(key, text, author=name), "kind": "summary"}]
    if message.type == "chat" and not name:
        name = getattr(message, "role", None)
    if message.type not in ("ai", "chat", "function"):
        return []
    entries = [answer_entry(key, text, author=name)] if text else []
    if ending := ending_of(message):
        if entries:
            entries[0]["note"] = ending
        else:
            entries.append({**note_entry("note", ending), "key": f"ending-{key}"})
    return entries


def work_entry(turn: str, chips: Sequence[Chip], summary: str) -> Entry:
    """Return the entry that shows what the graph did in a turn.

    Args:
        turn: its key.
        chips: the steps.
        summary: all of them in one line.
    """
    shown = [chip.shown() for chip in chips]
    return {"kind": "work", "key": f"work-{turn}", "summary": summary, "chips": shown}


def decision_entry(outcome: str, text: str) -> Entry:
    """Return the line that stays of a question which was answered or dropped.

    Args:
        outcome: `yes`, `no`, `sent` or `dropped`.
        text: what was decided.
    """
    return {"kind": "decided", "key": "", "outcome": outcome, "text": plain(text)}


def next_actions(thread: ThreadLoaded, cards: list[Entry], *, failed: bool) -> list[Entry]:
    """Return what the person is asked to do: answer, continue, or come back to the newest.

    Args:
        thread: as it was read last.
        cards: the cards of the open questions.
        failed: whether the last run failed.
    """
    if not thread.is_newest:
        text = "This is an earlier checkpoint. What you send now begins a branch from here."
        return [{"kind": "past", "key": "past", "text": text}, *cards, *_going_on(thread)]
    if failed and thread.interrupts:
        offer = {"kind": "unfinished", "key": "unfinished", "text": REOPEN}
        return [{**offer, "button": "Try again", "other": "Ask again"}]
    if thread.unfinished:
        nodes = _labels(thread.next or thread.unfinished)
        next_or_last = f"Next: {nodes}." if thread.next else f"It broke off behind {nodes}."
        text = f"The run has not reached its end. {next_or_last}"
        button = "Try again" if failed else "Continue"
        return [{"kind": "unfinished", "key": "unfinished", "text": text, "button": button}]
    return cards


def _labels(nodes: Sequence[str]) -> str:
    return ", ".join(exact(NODE_LABELS.get(node, node)) for node in nodes)


def _going_on(thread: ThreadLoaded) -> list[Entry]:
    """The offer to let the graph go on from an earlier checkpoint, where it stood in a run."""
    if thread.interrupts or not thread.next or START in thread.next:
        return []
    text = f"The run had not reached its end here. Next: {_labels(thread.next)}."
    return [{"kind": "unfinished", "key": "unfinished", "text": text, "button": "Continue"}]


def error_text(error: Exception, *, stored: bool, remedy: str = "", unread: bool = False) -> str:
    """Say what went wrong in a run, and what to do.

    Args:
        error: what was raised.
        stored: whether the thread holds the person's message of that run.
        remedy: what in the graph to change, where that is known.
        unread: whether the thread could not be read, so that nobody knows what it holds.
    """
    said = summary_of(error)
    what = f"{type(error).__name__}: {said}" if said else f"{type(error).__name__}, without a word"
    if unread and not stored:
        kept = (
            "As far as is known your message was not stored: it is back in the box. The thread "
            "could not be read again, so open it anew, and send the message only if it is missing."
        )
    elif not stored:
        kept = "Your message was not stored: it is back in the box, to be sent again."
    else:
        kept = "What was stored before is still there. Try again, or send another message."
    if isinstance(error, GraphRecursionError):
        return (
            "The graph ran for more super-steps than it may, so it was stopped "
            f"(GRAPH_RECURSION_LIMIT). Give its loop an end. {kept}\n{summary_of(error)}"
        )
    if isinstance(error, NotImplementedError) and "synchronous" in what.lower():
        return f"{ONLY_SYNCHRONOUS} {kept}\n{what}"
    if remedy:
        return f"{remedy} {kept}\n{what}"
    if remedy := remedy_for(error) or _start_the_server(error):
        return f"The graph stopped with {what}\n{remedy} {kept}"
    return f"The graph stopped with {what}\n{kept}"


def summary_of(error: BaseException) -> str:
    """Return the text of an error, whatever its class makes of it; of a group, what is in it."""
    try:
        if isinstance(error, BaseExceptionGroup):
            inner = (f"{type(each).__name__}: {summary_of(each)}" for each in error.exceptions)
            return f"{error}: {'; '.join(inner)}"
        return str(error)
    except Exception:  # noqa: BLE001  a __str__ may raise anything
        return summary_line(error)


def _start_the_server(error: Exception) -> str:
    """What to do where nobody answers at an address; empty for an error of another kind."""
    for each in (error, error.__cause__):
        if isinstance(each, (httpx.ConnectError, httpx.ConnectTimeout)) and each._request:
            url = each.request.url
            server = f"{url.scheme}://{url.netloc.decode()}"
            return f"Nobody answers at {server}. Start that server, or correct its address."
    return ""


def _text(message: BaseMessage) -> str:
    return str(message.text)


def _attachments(message: BaseMessage) -> list[str]:
    """Labels for what a message holds beside its text, such as an image."""
    blocks = message.content if isinstance(message.content, list) else []
    labels = []
    for block in blocks:
        kind = str(block.get("type", "")) if isinstance(block, Mapping) else "text"
        if kind not in ("text", ""):
            labels.append(exact(kind.removesuffix("_url").removeprefix("input_")))
    return labels
