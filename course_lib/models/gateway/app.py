"""The gateway's application: `/v1/models`, `/v1/chat/completions`, `/v1/embeddings`, `/metrics`.

It serves `OfflineChatModel` by OpenAI's protocol. `PUT /faults` sets what goes wrong with the next
requests; a real server has no such address. Every refusal has OpenAI's form, and no answer has a
status of 500 or above but the 503 that was asked for.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from starlette.exceptions import HTTPException

from course_lib.models.gateway.answers import PreparedAnswer, prepare
from course_lib.models.gateway.embedding import embed
from course_lib.models.gateway.faults import Faults
from course_lib.models.gateway.metrics import Metrics
from course_lib.models.gateway.playback import Playback
from course_lib.models.gateway.refusals import Refusal, refusal_of
from course_lib.models.gateway.request_log import RequestLog
from course_lib.models.gateway.requests import ChatRequest, read_request
from course_lib.models.gateway.sizes import SIZES, served_models
from course_lib.models.json_schema.effort import NeedsMoreTime, limited_effort

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MAX_BYTES = 32 * 2**20
"""Longest body that is read, in bytes."""

QUICK = {"tries": 2_000, "seconds": 1.0, "is_quick": True}
"""What a request may take before it has to wait for its turn among the slow ones."""

SLOW_AT_ONCE = 2
"""How many slow requests are worked on at the same time. The others do not wait for them."""


class GatewaySettings(BaseModel):
    """How a gateway serves its model.

    Args:
        size: `small`, `medium` or `large`; see `course_lib.models.gateway.sizes` for what each
            size reads.
        key: the only key that is accepted; None to accept every key.
        tokens_per_second: speed of each answer; None for as fast as possible.
        first_token_seconds: seconds before the first token of an answer.
        prompt_tokens_per_second: how fast prompts are read; a long one delays the first token by
            that much more. None for at once.
        concurrent: requests that are answered at the same time; more wait.
        queue: requests that may wait. One more is refused with 429; None for no limit.
        context: longest prompt, in tokens.
        faults: what goes wrong from the start on.
        log_file: gets a line of JSON for each request; None for no log.
    """

    model_config = ConfigDict(extra="forbid")

    size: str = "large"
    key: SecretStr | None = None
    tokens_per_second: float | None = Field(default=None, gt=0)
    first_token_seconds: float = Field(default=0, ge=0)
    prompt_tokens_per_second: float | None = Field(default=None, gt=0)
    concurrent: int = Field(default=8, ge=1)
    queue: int | None = Field(default=None, ge=0)
    context: int = Field(default=128_000, ge=1)
    faults: Faults = Field(default_factory=Faults)
    log_file: Path | None = None

    @field_validator("size")
    @classmethod
    def _is_a_size(cls, size: str) -> str:
        if size not in SIZES:
            raise ValueError(f"there is no size {size!r}. Use one of {', '.join(SIZES)}")
        return size

    def seconds_to_first_token(self, prompt_tokens: int) -> float:
        """Return how long the first token of an answer takes.

        Args:
            prompt_tokens: length of the prompt.
        """
        speed = self.prompt_tokens_per_second
        return self.first_token_seconds + (prompt_tokens / speed if speed else 0.0)


class Gateway:
    """The state of one gateway, and its answers.

    Args:
        settings: how it serves.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings, self.faults = settings, settings.faults
        self.metrics, self.models = Metrics(), served_models(settings.size)
        self.places = anyio.Semaphore(settings.concurrent)
        self.slow = anyio.Semaphore(SLOW_AT_ONCE)
        self._numbers = itertools.count(1)

    async def listed(self, request: Request) -> Response:
        """Answer `GET /v1/models`."""
        self._check_key(request)
        data = [_described(name) for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def described(self, request: Request) -> Response:
        """Answer `GET /v1/models/{model}`."""
        self._check_key(request)
        return JSONResponse(_described(self._known(request.path_params["model"])))

    async def completed(self, request: Request) -> ASGIApp:
        """Answer `POST /v1/chat/completions`."""
        began = time.perf_counter()
        try:
            try:
                return await self._completed(request, began)
            except RecursionError:
                raise Refusal("The request is nested too deeply.") from None
        except Refusal as refusal:
            self.metrics.requests.labels(str(refusal.status)).inc()
            raise

    async def _completed(self, request: Request, began: float) -> Playback:
        self._check_key(request)
        faults = self.faults.take()
        self._refuse_load(faults)
        asked, answer = await self._worked_out(await _body(request))
        settings, wants = self.settings, asked.stream_options
        return Playback(
            answer=answer,
            head={
                "id": f"chatcmpl-{next(self._numbers)}",
                "created": int(time.time()),
                "model": asked.model,
            },
            streams=bool(asked.stream),
            with_usage=bool(wants and wants.include_usage),
            faults=faults,
            first_token_seconds=settings.seconds_to_first_token(answer.prompt_tokens),
            token_seconds=1 / settings.tokens_per_second if settings.tokens_per_second else 0.0,
            places=self.places,
            metrics=self.metrics,
            began=began,
        )

    async def _worked_out(self, data: bytes) -> tuple[ChatRequest, PreparedAnswer]:
        """Work out the answer to a request: quickly, or beside what can be answered quickly."""
        try:
            return await asyncio.to_thread(self._work, data, **QUICK)
        except NeedsMoreTime:
            async with self.slow:
                return await asyncio.to_thread(self._work, data)

    def _work(self, data: bytes, **limits: Any) -> tuple[ChatRequest, PreparedAnswer]:
        with limited_effort(**limits):
            asked, body = read_request(data)
            model = self.models[self._known(asked.model)]
            size, context = SIZES[self.settings.size], self.settings.context
            return asked, prepare(asked, body, size=size, model=model, context=context)

    async def embedded(self, request: Request) -> Response:
        """Answer `POST /v1/embeddings`."""
        self._check_key(request)
        data = await _body(request)
        return JSONResponse(await asyncio.to_thread(embed, data))

    async def measured(self, request: Request) -> Response:
        """Answer `GET /metrics`."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def faulted(self, request: Request) -> Response:
        """Answer `PUT /faults`: set what goes wrong from now on."""
        self._check_key(request)
        try:
            self.faults = Faults.model_validate_json(await _body(request) or b"{}")
        except ValidationError as error:
            raise refusal_of(error) from None
        return JSONResponse(self.faults.model_dump())

    def _check_key(self, request: Request) -> None:
        key = self.settings.key
        if key is None:
            return
        sent = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not secrets.compare_digest(sent.encode(), key.get_secret_value().encode()):
            raise Refusal(
                "Incorrect API key provided. Give the key that the gateway was started with.",
                code="invalid_api_key",
                status=401,
            )

    def _known(self, model: str) -> str:
        if model not in self.models:
            raise Refusal(
                f"The model `{model[:100]}` does not exist or you do not have access to it.",
                code="model_not_found",
                status=404,
            )
        return model

    def _refuse_load(self, faults: Faults) -> None:
        wait = {"retry-after": f"{faults.retry_after:g}"}
        waiting = self.places.statistics().tasks_waiting
        queue = self.settings.queue
        is_full = queue is not None and self.places.value == 0 and waiting >= queue
        if faults.status == 503:
            raise Refusal(
                "The engine is currently overloaded, please try again later.",
                status=503,
                kind="service_unavailable_error",
                headers=wait,
            )
        if faults.status == 429 or is_full:
            raise Refusal(
                f"Rate limit reached for requests. Please try again in {faults.retry_after:g}s.",
                code="rate_limit_exceeded",
                status=429,
                kind="requests",
                headers=wait,
            )


def make_app(settings: GatewaySettings | None = None) -> FastAPI:
    """Make the application of a gateway.

    Args:
        settings: how it serves; the defaults when left out.

    Returns:
        The application. `app.state.gateway` is its `Gateway`.
    """
    gateway = Gateway(settings or GatewaySettings())
    app = FastAPI(title="Model gateway", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.gateway = gateway
    app.add_middleware(RequestLog, path=gateway.settings.log_file)
    for path, method, answer in (
        ("/v1/models", "GET", gateway.listed),
        ("/v1/models/{model}", "GET", gateway.described),
        ("/v1/chat/completions", "POST", gateway.completed),
        ("/v1/embeddings", "POST", gateway.embedded),
        ("/metrics", "GET", gateway.measured),
        ("/health", "GET", _healthy),
        ("/faults", "PUT", gateway.faulted),
    ):
        app.router.add_route(path, answer, methods=[method])
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _unknown)
    return app


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    # Written in ASCII: half of a pair of surrogates, which JSON may hold, is no UTF-8.
    body = json.dumps(error.body).encode()
    return Response(body, error.status, error.headers, media_type="application/json")


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path[:200]
    text = f"Invalid URL ({method} {path})"
    if error.status_code == 405:
        text = (
            f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to use another method?)"
        )
    return await _refused(request, Refusal(text, status=error.status_code))


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BYTES:
            raise Refusal(
                f"The request is longer than {MAX_BYTES} bytes. Send a shorter one.", status=413
            )
    return bytes(data)


def _described(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "namu-course"}
