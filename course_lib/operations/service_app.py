"""The service of chapter 13 with everything that running it for others needs.

    CHAT_DATABASE_URL=... CHAT_TOKEN_KEY_FILE=... PROMETHEUS_MULTIPROC_DIR=... CHAT_LOG_FILE=... \\
        uvicorn --factory course_lib.operations.service_app:make_app --host 127.0.0.1 --workers 2

`course_lib.operations.settings` lists the variables. Two paths are added to the service's own:
`/ready`, for the proxy or Kubernetes, and `/metrics`, for Prometheus.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from course_lib.fastapi_app import ServiceHooks, namu_app
from course_lib.fastapi_app.problems import DATABASE_AWAY, Problem
from course_lib.operations.audit import AuditHooks, AuditLog
from course_lib.operations.combined_hooks import CombinedHooks
from course_lib.operations.draining import Draining
from course_lib.operations.limits import LimitHooks, TokenBuckets
from course_lib.operations.logs import LogHooks, write_logs
from course_lib.operations.metrics import TurnMetrics
from course_lib.operations.request_ids import RequestIdHooks, RequestIds, request_id_of
from course_lib.operations.secret_files import settings_with_secrets
from course_lib.operations.settings import OperationsSettings, read_operations_settings
from course_lib.operations.tracing import TracingHooks, open_tracing

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider
    from starlette.requests import Request

    from course_lib.fastapi_app import ServiceSettings

QUIET_PATHS = "health,ready,metrics"
"""Paths without a trace: they are asked every few seconds."""

FORWARDED = ("x-forwarded-for", "forwarded")
"""Headers that a proxy adds. A request for the metrics that has one came from outside."""


class MakeService(Protocol):
    """Makes the service that is wrapped."""

    def __call__(self, settings: ServiceSettings | None, hooks: ServiceHooks) -> FastAPI:
        """Make it from its settings (None: from the environment) and from hooks."""
        ...


def make_app(make_service: MakeService = namu_app.make_app) -> FastAPI:
    """Make the application from the environment; a factory for uvicorn.

    Args:
        make_service: makes the service that is wrapped; Namu's when left out.

    Raises:
        OperationsSettingsError: a variable cannot be used.
        SecretsError: a secret is missing, or can be read by others.
        ServiceSettingsError: a setting of the service is missing or cannot be used.
    """
    settings = read_operations_settings()
    folder = settings.secrets_dir
    known = None if folder is None else settings_with_secrets(folder)
    metrics, closing = TurnMetrics(), AsyncExitStack()
    provider = None if settings.traces_file is None else open_tracing(settings.traces_file)
    hooks = _hooks(settings, metrics, provider, closing)
    app = make_service(known, CombinedHooks(hooks))
    draining = Draining(settings.drain_notice_seconds)
    always = {} if settings.version is None else {"version": settings.version}
    serve = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        listener = write_logs(settings.log_file, **always)
        try:
            async with closing, draining.watch(), serve(application):
                await TokenBuckets(application.state.service.database.pool).make_table()
                yield
        finally:
            listener.stop()

    app.router.lifespan_context = lifespan
    add_operations_routes(app, metrics, draining)
    app.add_middleware(RequestIds)
    if provider is not None:
        _trace_http(app, provider, closing)
    return app


def add_operations_routes(app: FastAPI, metrics: TurnMetrics, draining: Draining) -> None:
    """Add `/ready` and `/metrics` before all other paths.

    Args:
        app: the service.
        metrics: what `/metrics` tells, to whoever asks the service itself. Through a proxy it is
            404, as any unknown path: the numbers are nobody's business outside.
        draining: whether `/ready` is 503.
    """

    async def ready(request: Request) -> Response:
        if draining.begun:
            told = "This worker is about to stop. Ask another one."
            return Problem(503, "stopping", told, headers={"Retry-After": "1"}).response()
        try:
            pool = request.app.state.service.database.pool
            async with asyncio.timeout(3), pool.connection() as connection:
                await connection.execute("SELECT 1")
        except Exception:  # noqa: BLE001  # whatever it is, this worker cannot serve
            return DATABASE_AWAY.response()
        return JSONResponse({"status": "ready"})

    async def measured(request: Request) -> Response:
        if any(name in request.headers for name in FORWARDED):
            return Problem(404, "not-found", "Not Found").response()
        text = await asyncio.to_thread(metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4")

    for path, answer in (("/ready", ready), ("/metrics", measured)):
        app.router.routes.insert(0, Route(path, answer, methods=["GET"]))


def _trace_http(app: FastAPI, provider: TracerProvider, closing: AsyncExitStack) -> None:
    """Make spans of the requests to the service, and of those to the model server.

    The SDK of OpenAI uses httpx2, which has an instrumentor of its own.
    """
    closing.callback(provider.shutdown)
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        excluded_urls=QUIET_PATHS,
        exclude_spans=["receive", "send"],  # else each token of a stream has one
        server_request_hook=lambda span, scope: span.set_attribute(
            "request_id", request_id_of(scope)
        ),
    )
    HTTPX2ClientInstrumentor().instrument(tracer_provider=provider)
    closing.callback(HTTPX2ClientInstrumentor().uninstrument)


def _hooks(
    settings: OperationsSettings,
    metrics: TurnMetrics,
    provider: TracerProvider | None,
    closing: AsyncExitStack,
) -> list[ServiceHooks]:
    """The hooks that the settings ask for. The ids come first: all others name them."""
    hooks: list[ServiceHooks] = [RequestIdHooks()]
    if settings.turns_per_minute or settings.tenant_turns_per_minute:
        limits = settings.turns_per_minute, settings.tenant_turns_per_minute
        hooks.append(LimitHooks(*limits, metrics))
    if provider is not None:
        hooks.append(TracingHooks(provider))
    hooks += [metrics, LogHooks()]
    if settings.audit_file is not None:
        audit = AuditLog(settings.audit_file)
        closing.callback(audit.close)
        hooks.append(AuditHooks(audit))
    return hooks
