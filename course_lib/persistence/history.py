"""The checkpoint tree of a thread: which checkpoint came from which, branches, paths, differences.

A thread is a list of checkpoints only until somebody forks it. Then it is a tree, and this module
reads it from any saver, in one pass over the checkpoints. A branch begins where a checkpoint has
an elder sibling, or where the metadata of a run names another `branch`: that key is a convention
of this course, not of LangGraph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langgraph.constants import START

from course_lib.persistence.comparison import is_equal
from course_lib.persistence.fork_points import message_ids
from course_lib.persistence.graph_saver import saver_of
from course_lib.persistence.questions import answered_questions, open_questions

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Interrupt

MAIN = "main"
"""The name of the branch that a thread begins on."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a thread, and its place in the tree.

    Args:
        id: its id; later ones sort higher, on one clock.
        parent: the id of the checkpoint it came from; None for the first, and where it was
            deleted (then nobody knows what ran and changed in the step).
        step: number of the super-step, -1 for a thread's first input.
        source: `input`, `loop`, `update` or `fork`.
        nodes: the nodes that ran in the step, in alphabetical order.
        changed: the fields that the step wrote.
        branch: name of the branch it lies on.
        created_at: ISO 8601, UTC.
        config: what names it to a graph.
        said: the words of the message that came in, for an input.
        questions: how many questions of the graph waited for an answer here.
        answers: the questions that were asked and answered here, each with its answer.
    """

    id: str
    parent: str | None
    step: int
    source: str
    nodes: tuple[str, ...]
    changed: tuple[str, ...]
    branch: str
    created_at: str
    config: Mapping[str, Any] = field(repr=False)
    said: str = ""
    questions: int = 0
    answers: tuple[tuple[Interrupt, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class StateDiff:
    """What differs between two states.

    Args:
        added: messages that only the second has.
        replaced: pairs of messages with the same id and another content.
        removed: messages that only the first has.
        fields: first and second value of every other field that differs.
    """

    added: list[BaseMessage]
    replaced: list[tuple[BaseMessage, BaseMessage]]
    removed: list[BaseMessage]
    fields: dict[str, tuple[Any, Any]]


class CheckpointTree:
    """The checkpoints of one thread, oldest first, as a tree.

    Args:
        checkpoints: as a saver lists them, in any order.
    """

    def __init__(self, checkpoints: Iterable[CheckpointTuple]) -> None:
        found = {c.checkpoint["id"]: c for c in checkpoints}
        self.checkpoints: dict[str, Checkpoint] = {}
        self._children: dict[str | None, list[str]] = {}
        asked_for: dict[str, str | None] = {MAIN: None}  # what each branch's metadata asked for
        for checkpoint_id in _parents_first(found):
            each = found[checkpoint_id]
            parent = _id_of(each.parent_config)
            pruned = parent is not None and parent not in self.checkpoints
            parent = None if pruned else parent
            asked = each.metadata.get("branch")
            asked = asked if isinstance(asked, str) and asked else None
            siblings = self._children.setdefault(parent, [])
            branch = self.checkpoints[parent].branch if parent else MAIN
            renamed = asked is not None and asked not in (branch, asked_for[branch])
            if siblings or renamed:
                branch = _new_name(asked, asked_for)
                asked_for[branch] = asked
            siblings.append(checkpoint_id)
            before = found[parent].checkpoint if parent else None
            self.checkpoints[checkpoint_id] = Checkpoint(
                id=checkpoint_id,
                parent=parent,
                step=each.metadata.get("step", -1),
                source=each.metadata.get("source", "?"),
                nodes=() if pruned else _ran(each.checkpoint, before),
                changed=() if pruned else _changed(each.checkpoint, before),
                branch=branch,
                created_at=each.checkpoint["ts"],
                config=each.config,
                said=_said(each.checkpoint),
                questions=open_questions(each.pending_writes or ()),
                answers=answered_questions(each.pending_writes or ()),
            )

    @classmethod
    def from_graph(cls, graph: CompiledStateGraph, config: RunnableConfig) -> CheckpointTree:
        """Read the tree of a thread.

        A saver decodes the state of every checkpoint it lists, so a thread whose messages grow is
        read in time that grows with their square; the tree adds next to nothing to that.

        Args:
            graph: compiled with a synchronous saver.
            config: names the thread.

        Raises:
            TypeError: it is no compiled graph of this process.
            ValueError: the graph has no checkpointer.
        """
        return cls(saver_of(graph, "CheckpointTree.from_graph").list(_thread(config)))

    @classmethod
    async def from_async_graph(
        cls, graph: CompiledStateGraph, config: RunnableConfig
    ) -> CheckpointTree:
        """Read the tree of a thread whose graph has an asynchronous saver; see `from_graph`."""
        saver = saver_of(graph, "CheckpointTree.from_async_graph")
        return cls([found async for found in saver.alist(_thread(config))])

    def __len__(self) -> int:
        return len(self.checkpoints)

    @property
    def branches(self) -> dict[str, str]:
        """The newest checkpoint of each branch, by the branch's name, oldest branch first."""
        return {each.branch: each.id for each in self.checkpoints.values()}

    @property
    def newest(self) -> Checkpoint:
        """The checkpoint that a run without a `checkpoint_id` goes on from.

        Raises:
            LookupError: the thread has no checkpoints.
        """
        if not self.checkpoints:
            raise LookupError("This thread has no checkpoints. Run the graph in it first.")
        return self.checkpoints[next(reversed(self.checkpoints))]

    def children(self, checkpoint_id: str | None) -> list[Checkpoint]:
        """The checkpoints that came from one, oldest first; those without a parent for None."""
        return [self.checkpoints[child] for child in self._children.get(checkpoint_id, ())]

    def path(self, start: str, end: str) -> list[str]:
        """The ids from one checkpoint to another: up to where their ways part, and down again.

        Raises:
            KeyError: one of them is not in the tree.
            LookupError: the two have no ancestor in common.
        """
        up, down = self._ancestry(start), self._ancestry(end)
        known = set(down)
        meeting = next((each for each in up if each in known), None)
        if meeting is None:
            raise LookupError(f"No checkpoint leads to both {start!r} and {end!r}.")
        return up[: up.index(meeting) + 1] + down[: down.index(meeting)][::-1]

    def _ancestry(self, checkpoint_id: str) -> list[str]:
        walked = [self.checkpoints[checkpoint_id].id]
        while (parent := self.checkpoints[walked[-1]].parent) is not None:
            walked.append(parent)
        return walked


def diff_states(first: Mapping[str, Any], second: Mapping[str, Any]) -> StateDiff:
    """Compare two states; messages are matched by their ids, or by their place without one.

    Args:
        first: values of a state, as in `graph.get_state(config).values`.
        second: values of another one.
    """
    old, new = _messages_by_key(first), _messages_by_key(second)
    others = sorted((set(first) | set(second)) - {"messages"})
    return StateDiff(
        added=[message for key, message in new.items() if key not in old],
        replaced=[
            (old[key], message)
            for key, message in new.items()
            if key in old and not is_equal(_content(old[key]), _content(message))
        ],
        removed=[message for key, message in old.items() if key not in new],
        fields={
            name: (first.get(name), second.get(name))
            for name in others
            if not is_equal(first.get(name), second.get(name))
        },
    )


def _messages_by_key(state: Mapping[str, Any]) -> dict[Any, Any]:
    messages = state.get("messages")
    messages = messages if isinstance(messages, (list, tuple)) else []
    ids = message_ids(messages)
    return {ids[n] or n: message for n, message in enumerate(messages)}


def _content(message: Any) -> Any:
    if isinstance(message, Mapping):
        return message.get("content")
    return getattr(message, "content", message)


def _thread(config: RunnableConfig) -> RunnableConfig:
    named = config["configurable"]
    space = named.get("checkpoint_ns", "")
    return {"configurable": {"thread_id": named["thread_id"], "checkpoint_ns": space}}


def _id_of(config: RunnableConfig | None) -> str | None:
    return config["configurable"].get("checkpoint_id") if config else None


def _parents_first(found: Mapping[str, CheckpointTuple]) -> list[str]:
    """The ids by age, but never a child before its parent, whatever two hosts' clocks said.

    In a thread that a script copied, a checkpoint may name itself as its parent.
    """
    ordered: dict[str, None] = {}
    for checkpoint_id in sorted(found):
        waiting: dict[str, None] = {}
        each: str | None = checkpoint_id
        while each in found and each not in ordered and each not in waiting:
            waiting[each] = None
            each = _id_of(found[each].parent_config)
        ordered |= dict.fromkeys(reversed(waiting))
    return list(ordered)


def _said(checkpoint: Mapping[str, Any]) -> str:
    """The text of the last message in an input that has not been taken in yet."""
    given = checkpoint["channel_values"].get(START)
    messages = given.get("messages") if isinstance(given, Mapping) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, Mapping):
        return str(last.get("content", ""))
    if isinstance(last, (list, tuple)):
        return str(last[-1]) if last else ""
    if isinstance(last, str):
        return last
    return str(getattr(last, "text", ""))


def _new_name(asked: Any, taken: Mapping[str, Any]) -> str:
    """A name for a new branch: the one its metadata asks for if it is free, else with a number."""
    name, n = str(asked or "branch-1"), 1
    while name in taken:
        n += 1
        name = f"{asked or 'branch'}-{n}"
    return name


def _changed(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The fields whose version is another than in the parent; LangGraph's own are left out."""
    old = before["channel_versions"] if before else {}
    written = (k for k, version in now["channel_versions"].items() if old.get(k) != version)
    return tuple(sorted(k for k in written if not k.startswith(("__", "branch:"))))


def _ran(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The nodes that saw new versions between the parent and this checkpoint: those that ran."""
    old = before["versions_seen"] if before else {}
    seen = (node for node, versions in now["versions_seen"].items() if old.get(node) != versions)
    return tuple(sorted(node for node in seen if not node.startswith("__")))
