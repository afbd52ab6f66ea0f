"""The spans inside of a graph: nodes, model calls and tool calls, by LangChain's callbacks.

A callback that runs inline is called in the task that does the work. So the span that it makes
current is the parent of whatever that task does next, such as a request to a model server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.errors import GraphBubbleUp
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from course_lib.operations.metrics import usage_of

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult
    from opentelemetry.context import Context

NODE_TAG = "graph:step:"
"""The tag that LangGraph gives the run of a node, followed by the number of its step."""


class NodeSpans(BaseCallbackHandler):
    """Makes the spans of one run of a graph.

    Args:
        tracer: that makes them.
    """

    run_inline = True

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._open: dict[UUID, tuple[trace.Span, Context]] = {}

    def close(self) -> None:
        """End the spans whose work was cancelled, of which no callback tells."""
        for span, _ in self._open.values():
            span.set_status(Status(StatusCode.ERROR))
            span.end()
        self._open.clear()

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: Any,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Begin the span of a node; other runnables have none."""
        step = next((tag for tag in tags or () if tag.startswith(NODE_TAG)), None)
        node = (metadata or {}).get("langgraph_node")
        if step is not None and node is not None:
            facts = {"node": node, "step": int(step.removeprefix(NODE_TAG))}
            self._begin(run_id, f"node {node}", facts)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """End the span of a node."""
        self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End the span of a node that failed, or that asked the person something."""
        self._end(run_id, error)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Begin the span of a model call."""
        model = str((metadata or {}).get("ls_model_name") or "model")
        self._begin(run_id, "model call", {"model": model, "messages": len(messages[0])})

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """End the span of a model call, with its tokens."""
        usage = usage_of(response)
        tokens = {name: usage[name] for name in ("input_tokens", "output_tokens") if name in usage}
        self._end(run_id, **tokens)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End the span of a model call that failed."""
        self._end(run_id, error)

    def on_tool_start(
        self, serialized: dict[str, Any], input_str: str, *, run_id: UUID, **more: Any
    ) -> None:
        """Begin the span of a tool call."""
        tool = str((serialized or {}).get("name") or more.get("name") or "tool")
        self._begin(run_id, f"tool {tool}", {"tool": tool})

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """End the span of a tool call."""
        self._end(run_id)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End the span of a tool call that failed."""
        self._end(run_id, error)

    def _begin(self, run_id: UUID, name: str, attributes: dict[str, Any]) -> None:
        around = contexts.get_current()
        span = self._tracer.start_span(name, attributes=attributes)
        self._open[run_id] = (span, around)
        contexts.attach(trace.set_span_in_context(span))

    def _end(self, run_id: UUID, error: BaseException | None = None, **attributes: Any) -> None:
        if run_id not in self._open:
            return
        span, around = self._open.pop(run_id)
        span.set_attributes(attributes)
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
            if not isinstance(error, GraphBubbleUp):  # a question to the person is no error
                span.set_status(Status(StatusCode.ERROR))
        span.end()
        # Not `detach`: the end may be reported from another task than the begin.
        contexts.attach(around)
