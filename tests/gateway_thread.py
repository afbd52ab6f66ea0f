"""Gateways in threads of the test's own process: real sockets, and faults that can be set."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from course_lib.models import RemoteChatModel
from course_lib.models.gateway import Faults, GatewaySettings, make_app
from course_lib.models.gateway.app import Gateway


@dataclass
class ServedGateway:
    """A gateway that runs in a thread.

    Args:
        url: base address, ending in `/v1`.
        gateway: its state.
    """

    url: str
    gateway: Gateway

    @property
    def model(self) -> str:
        return next(iter(self.gateway.models))

    def set_faults(self, **faults: Any) -> None:
        self.gateway.faults = Faults(**faults)

    def count(self, name: str, **labels: str) -> float:
        return self.gateway.metrics.registry.get_sample_value(name, labels) or 0.0

    def chat_model(self, **options: Any) -> RemoteChatModel:
        given = {"model": self.model, "api_key": "any", "stream_usage": True, "max_retries": 0}
        return RemoteChatModel(base_url=self.url, **{**given, **options})


@contextmanager
def served_gateway(**settings: Any) -> Iterator[ServedGateway]:
    """Serve until the block ends."""
    app = make_app(GatewaySettings(**settings))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended before it was ready"
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield ServedGateway(f"http://127.0.0.1:{port}/v1", app.state.gateway)
    finally:
        server.should_exit = True
        thread.join()
