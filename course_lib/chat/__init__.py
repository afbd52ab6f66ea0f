"""The chat inside the notebook: `ChatPanel(graph).show()`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "controller": ["ChatController"],
        "errors": ["ChatError"],
        "events": [
            "Event",
            "NodeEnded",
            "NodeStarted",
            "Outcome",
            "Progress",
            "Queued",
            "RunEnded",
            "RunStarted",
            "ThreadLoaded",
            "Token",
            "ToolCalled",
            "ToolReturned",
            "Unqueued",
        ],
        "panel": ["ChatPanel"],
        "transcript": ["Transcript"],
    },
)
