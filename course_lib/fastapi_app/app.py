"""The application: its endpoints, its errors, its page, and what is opened and closed with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles

from .chat_routes import router as chat_router
from .hooks import ServiceHooks
from .limits import LimitBody, SecurityHeaders
from .problems import PROBLEM_RESPONSE, install_problem_handlers
from .service import BuildGraph, open_service
from .service_settings import ServiceSettings, read_service_settings
from .thread_routes import router as thread_router
from .websocket import router as websocket_router

STATIC = Path(__file__).parent / "static"


def create_app(
    build_graph: BuildGraph,
    settings: ServiceSettings | None = None,
    hooks: ServiceHooks | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        build_graph: compiles the graph with a saver and a store: `build_graph(saver, store)`. The
            graph's state needs `messages`; its context may hold `user`, `tenant` and `roles`.
        settings: of the service; read from the environment when left out.
        hooks: what else is called while a run goes on: counting, tracing, rate limits.

    Returns:
        An application for uvicorn. It connects to the database when it starts.

    Raises:
        ServiceSettingsError: a setting is missing or cannot be used.
    """
    settings = read_service_settings() if settings is None else settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_service(settings, build_graph, hooks) as service:
            app.state.service = service
            yield

    app = FastAPI(
        title="Chat",
        summary="A chat with a graph: streaming, approval, history and forks.",
        version="1",
        lifespan=lifespan,
        responses={"default": PROBLEM_RESPONSE},
    )
    install_problem_handlers(app)
    app.add_middleware(LimitBody, max_bytes=settings.max_body_bytes)
    app.add_middleware(SecurityHeaders)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        )
    for router in (chat_router, thread_router, websocket_router):
        app.include_router(router)
    app.mount("/", StaticFiles(directory=STATIC, html=True), name="page")  # last: it takes the rest
    return app
