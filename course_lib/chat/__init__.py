"""The chat inside the notebook: `ChatPanel(graph).show()`."""

from course_lib.chat.panel import ChatPanel

__all__ = ["ChatPanel"]
