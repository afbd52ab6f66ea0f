"""The way of one run through its graph: which edges it took, and in which super-step."""

from __future__ import annotations

from collections.abc import Iterable

from langgraph.constants import END, START


class RunPath:
    """The edges that a run has taken, numbered by its super-steps.

    LangGraph tells which nodes run, not how they were reached. A node counts as reached from the
    nodes of the step before that have an edge to it; failing these, from the last one that had.

    Args:
        edges: source and target of every edge of the graph.
    """

    def __init__(self, edges: Iterable[tuple[str, str]]) -> None:
        self._edges = set(edges)
        self.begin()

    def begin(self) -> None:
        """Begin a run from START."""
        self.taken: list[tuple[str, str, int]] = []
        """Source, target and the number of the super-step, in order."""
        self.step = 0
        self._before: list[str] = [START]
        self._now: list[str] = []
        self._earlier: list[str] = []
        self._running: dict[str, str] = {}
        self._unfinished: set[str] = set()

    def resume(self) -> None:
        """Go on with the last run, such as after an answer to a question."""
        self._unfinished |= set(self._running.values())
        self._running.clear()

    def started(self, task: str, node: str) -> None:
        """Note that a node begins.

        Args:
            task: id of this execution.
            node: its name.
        """
        again = node in self._unfinished
        self._unfinished.discard(node)
        if not self._running and not again and (self._now or not self.step):
            self.step += 1
            if self._now:
                self._earlier += self._before
                self._before, self._now = self._now, []
        self._running[task] = node
        if again:
            return
        self._take([each for each in self._before if (each, node) in self._edges], node)

    def ended(self, task: str, *, finished: bool) -> None:
        """Note that a node is over.

        Args:
            task: as in `started`.
            finished: False where it failed or waits for an answer.
        """
        node = self._running.pop(task, None)
        if node is None:
            return
        if not finished:
            self._unfinished.add(node)
        elif node not in self._now:
            self._now.append(node)

    def is_running(self, node: str) -> bool:
        """Whether an execution of a node has not ended."""
        return node in self._running.values()

    def finish(self) -> None:
        """Note that the run reached its end."""
        reached = [each for each in self._now if (each, END) in self._edges]
        if reached:
            self.step += 1
            self._take(reached, END)
            self._now = []

    def _take(self, sources: list[str], node: str) -> None:
        if not sources:
            earlier = [each for each in self._earlier if (each, node) in self._edges]
            sources = earlier[-1:]
        for source in sources:
            if (source, node, self.step) not in self.taken:
                self.taken.append((source, node, self.step))
