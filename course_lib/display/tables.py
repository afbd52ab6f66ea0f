"""What a cell shows: a graph, a state, the steps of a run, a conversation, a table.

Everything shown has two forms that say the same: HTML (or a Mermaid drawing) for JupyterLab, and
plain text for other viewers and for the comparison in CI. Neither holds ids, times or addresses
that change from run to run. Colours are the reader's theme's own.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph

    from course_lib.display.tree_view import TreeView
    from course_lib.persistence import CheckpointTree

SHORT = 72
"""Longest value shown in one table cell, in characters."""

MARK = " *"
"""What stands behind a value that changed."""


@dataclass(frozen=True)
class DisplayOutput:
    """One thing on display, in the forms a notebook front end can choose from.

    Args:
        text: the plain form.
        rich: MIME type of the richer form.
        source: the richer form.
    """

    text: str
    rich: str
    source: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {self.rich: self.source, "text/plain": self.text}


def show_graph(graph: CompiledStateGraph) -> None:
    """Draw a compiled graph: boxes for nodes, dashed arrows for conditional edges.

    Args:
        graph: what `StateGraph.compile()` returned.
    """
    drawn = graph.get_graph()
    names = {"__start__": "START", "__end__": "END"}
    order = {node: i for i, node in enumerate(drawn.nodes)}
    mermaid = ["graph TD"]
    for node, n in order.items():
        label = _quoted(names.get(node, node))
        mermaid.append(f"  n{n}([{label}])" if node in names else f"  n{n}[{label}]")
    arrows: dict[tuple[str, bool], list[str]] = {}
    for edge in sorted(drawn.edges, key=lambda e: (order[e.source], order[e.target])):
        arrow = "-.->" if edge.conditional else "-->"
        target = names.get(edge.target, edge.target)
        if edge.data and str(edge.data) != edge.target:
            arrow += f"|{_quoted(str(edge.data))}|"
            target += f" ({edge.data})"
        mermaid.append(f"  n{order[edge.source]} {arrow} n{order[edge.target]}")
        arrows.setdefault((names.get(edge.source, edge.source), edge.conditional), []).append(
            target
        )
    lines = [
        f"{source} {'-?->' if conditional else '-->'} {' | '.join(targets)}"
        for (source, conditional), targets in arrows.items()
    ]
    _display(DisplayOutput("\n".join(lines), "text/vnd.mermaid", "\n".join(mermaid)))


def show_state(state: Any, *, before: Any = None, fields: Sequence[str] | None = None) -> None:
    """Show a state as a table, one field a row; messages take one row each.

    Args:
        state: a dict, a dataclass, a Pydantic model, or a `StateSnapshot`.
        before: an earlier state; what differs from it is marked with `*`.
        fields: which fields to show, in this order; all when left out.
    """
    _display(state_table(state, before=before, fields=fields))


def state_table(
    state: Any, *, before: Any = None, fields: Sequence[str] | None = None
) -> DisplayOutput:
    """Return what `show_state` shows; arguments as there."""
    now, then = as_fields(state), as_fields(before) if before is not None else None
    rows: list[list[str]] = []
    for name in fields or now:
        value = now.get(name)
        if _is_messages(value):
            old = {_identity(m) for m in (then.get(name) or ())} if then is not None else None
            for n, message in enumerate(value):
                mark = MARK if old is not None and _identity(message) not in old else ""
                rows.append([name if n == 0 else "", summary_line(message) + mark])
        else:
            changed = then is not None and then.get(name) != value
            rows.append([name, summary_line(value) + (MARK if changed else "")])
    return table(rows, ["field", "value"])


def show_steps(
    graph: CompiledStateGraph,
    value: Any,
    config: RunnableConfig | None = None,
    *,
    fields: Sequence[str] | None = None,
    **options: Any,
) -> Any:
    """Run a graph and show its super-steps: what each node read and wrote, and what changed.

    Args:
        graph: a compiled graph.
        value: its input, as for `invoke`.
        config: as for `invoke`.
        fields: the fields of the state to show; all when left out.
        options: more arguments of `graph.stream`, such as `context`.

    Returns:
        The state at the end, as `invoke` would.

    Raises:
        Exception: whatever the run raises, after the steps before it have been shown.
    """
    rows: list[list[str | list[str]]] = []
    running: dict[str, list[str | list[str]]] = {}  # the row of each task, by the task's id
    state: dict[str, Any] = {}
    last: Any = None
    try:
        for mode, part in graph.stream(value, config, stream_mode=["debug", "values"], **options):
            if mode == "values":
                now = as_fields(part)
                changed = {k: v for k, v in now.items() if k not in state or v != state[k]}
                if not rows:
                    rows.append(["", "input", [], _pairs(now, fields)])
                else:
                    marked = [line + MARK for line in _pairs(changed, fields)]
                    rows.append(["", "= state", [], marked or ["unchanged"]])
                state, last = now, part
            elif part["type"] == "task":
                read = _pairs(part["payload"]["input"], fields)
                rows.append([str(part["step"]), part["payload"]["name"], read, "..."])
                running[part["payload"]["id"]] = rows[-1]
            elif part["type"] == "task_result":
                running[part["payload"]["id"]][3] = _written(part["payload"], fields)
    finally:
        show_table(rows, ["step", "ran", "read", "wrote"])
    return last


def show_tree(tree: CheckpointTree, graph: CompiledStateGraph | None = None) -> TreeView:
    """Draw a checkpoint tree; in JupyterLab, choose a checkpoint to see its state.

    Args:
        tree: what to draw.
        graph: the graph of the thread, to look states up in.

    Returns:
        The view. Its `config` names the chosen checkpoint (the newest until one is chosen): run
        the graph with it to fork from there.
    """
    from course_lib.display.tree_view import TreeView

    view = TreeView(tree, graph)
    _display(view)
    return view


def show_messages(messages: Iterable[BaseMessage | Mapping[str, Any]]) -> None:
    """Show a conversation, a row for each message.

    Args:
        messages: LangChain messages or `{"role": ..., "content": ...}` dicts.
    """
    rows = [list(_speaker(message)) for message in messages]
    show_table([[who, _short(text, 3 * SHORT)] for who, text in rows], ["who", "says"])


def show_table(rows: Sequence[Sequence[Any]], headers: Sequence[str]) -> None:
    """Show rows under headers.

    Args:
        rows: any values; text is shown as it is, a list of texts line by line, everything else
            by `summary_line`.
        headers: one heading for each column.
    """
    _display(table(rows, headers))


def table(rows: Sequence[Sequence[Any]], headers: Sequence[str]) -> DisplayOutput:
    """Return what `show_table` shows; arguments as there."""
    cells = [[_as_lines(value) for value in row] for row in rows]
    text = [["; ".join(lines) for lines in row] for row in cells]
    widths = [max(len(row[i]) for row in [list(headers), *text]) for i in range(len(headers))]
    lines = [_line(headers, widths), "-+-".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in text]
    head = "".join(f'<th style="text-align: left">{html.escape(name)}</th>' for name in headers)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in cells)
    source = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return DisplayOutput("\n".join(line.rstrip() for line in lines), "text/html", source)


def summary_line(value: Any) -> str:
    """Return one short line for any value, the same from run to run."""
    return _short(_one_line(value), SHORT)


def format_json(value: Any) -> str:
    """Return a value as JSON, line by line; a text as it is, and what is no JSON in short."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=1, default=summary_line)


def as_fields(state: Any) -> dict[str, Any]:
    """Return a state's fields by name, whichever of Python's record types it is."""
    if state is None:
        return {}
    values = getattr(state, "values", None)
    if isinstance(values, Mapping):  # a StateSnapshot
        return dict(values)
    if isinstance(state, Mapping):
        return dict(state)
    if hasattr(state, "model_dump"):
        return {name: getattr(state, name) for name in type(state).model_fields}
    if hasattr(state, "__dataclass_fields__"):
        return {name: getattr(state, name) for name in state.__dataclass_fields__}
    return {"(whole state)": state}


def _quoted(label: str) -> str:
    """A Mermaid label in quotes; a quote inside it would end it."""
    return '"' + label.replace('"', "#quot;") + '"'


def _one_line(value: Any) -> str:
    if _is_message(value):
        who, text = _speaker(value)
        return f"{who}: {text}"
    if type(value).__name__ == "Overwrite":
        return f"Overwrite({_one_line(value.value)})"
    if isinstance(value, Mapping):
        if "name_en" in value and "id" in value:
            return f"{value['id']} {value['name_en']}"
        inner = ", ".join(f"{k}: {_one_line(v)}" for k, v in value.items())
        return "{" + inner + "}"
    if isinstance(value, (list, tuple)):
        if value and all(_is_message(item) for item in value):
            return (
                f"{len(value)} message{'s' if len(value) > 1 else ''}, last {_one_line(value[-1])}"
            )
        return "[" + ", ".join(map(_one_line, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(_one_line, value))) + "}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _speaker(message: Any) -> tuple[str, str]:
    if isinstance(message, Mapping):
        return str(message.get("role", "?")), str(message.get("content", ""))
    if message.type == "remove":
        return "remove", str(message.id)
    text = str(message.text)
    calls = "; ".join(
        f"{call['name']}({', '.join(f'{k}={v!r}' for k, v in call['args'].items())})"
        for call in getattr(message, "tool_calls", ())
    )
    if message.type == "tool" and message.name:
        return f"tool {message.name}", text
    return message.type, " ".join(filter(None, [text, f"-> {calls}" if calls else ""]))


def _is_message(value: Any) -> bool:
    return hasattr(value, "content") and hasattr(value, "type") and hasattr(value, "text")


def _identity(message: Any) -> tuple[Any, ...]:
    """What makes a message the one it was: an edited one is another."""
    return getattr(message, "id", None), message.type, str(message.content), summary_line(message)


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def _short(text: str, width: int) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= width else line[: width - 3].rstrip() + "..."


def _pairs(value: Any, fields: Sequence[str] | None) -> list[str]:
    return [
        f"{name}={_short(_one_line(inner), SHORT)}"
        for name, inner in as_fields(value).items()
        if fields is None or name in fields
    ]


def _written(payload: Mapping[str, Any], fields: Sequence[str] | None) -> list[str]:
    """What a task wrote, or how it failed."""
    if payload.get("error"):
        return [f"raised {payload['error']}"]
    return _pairs(payload["result"] or {}, fields) or ["nothing"]


def _as_lines(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return [summary_line(value)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _cell(lines: Sequence[str]) -> str:
    marked = [
        f"<b>{html.escape(line)}</b>" if line.endswith(MARK) else html.escape(line)
        for line in lines
    ]
    return f'<td style="text-align: left">{"<br>".join(marked)}</td>'


def _display(shown: DisplayOutput) -> None:
    from IPython.display import display

    display(shown)
