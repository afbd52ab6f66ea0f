"""The service with Namu in it. For a graph of your own, this is the one file to replace.

    CHAT_DATABASE_URL=... CHAT_TOKEN_KEY_FILE=... \\
        uvicorn --factory course_lib.fastapi_app.namu_app:make_app --host 127.0.0.1
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from langgraph.prebuilt import ToolRuntime
from typing_extensions import TypedDict

from course_lib.models import chat_model
from course_lib.namu import book_place, build_namu

from .app import create_app

if TYPE_CHECKING:
    from fastapi import FastAPI
    from langchain_core.tools import BaseTool
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore

    from .hooks import ServiceHooks
    from .service_settings import ServiceSettings

BOOKER = "booker"
"""The role that may book."""


class Caller(TypedDict, total=False):
    """Who is asking, as the service tells the graph. It comes from the token and never from a body.

    Args:
        user: within the tenant.
        tenant: of which customer.
        roles: what the person may do.
    """

    user: str
    tenant: str
    roles: list[str]


def needs_role(tool: BaseTool, role: str) -> BaseTool:
    """Return a tool that refuses whoever has not got a role, before it does anything.

    The check stands inside of the tool: a rule in the prompt is a wish, and a model can be talked
    out of it.

    Args:
        tool: with an argument `runtime`, made from a function.
        role: who may use it.
    """
    work = tool.func

    @functools.wraps(work)
    def guarded(*args: Any, runtime: ToolRuntime[Any, Any], **named: Any) -> Any:
        if role not in ((runtime.context or {}).get("roles") or ()):
            return f"Refused: {tool.name} needs the role {role!r}, which this person has not got."
        return work(*args, runtime=runtime, **named)

    return tool.model_copy(update={"func": guarded})


def make_app(settings: ServiceSettings | None = None, hooks: ServiceHooks | None = None) -> FastAPI:
    """Make the application; a factory for uvicorn.

    Args:
        settings: of the service; read from the environment when left out.
        hooks: what else is called while a run goes on.
    """
    model = chat_model()  # one client for all runs of this worker

    def build(saver: BaseCheckpointSaver[Any], store: BaseStore) -> CompiledStateGraph:
        return build_namu(
            model=model,
            checkpointer=saver,
            store=store,
            tools=[needs_role(book_place, BOOKER)],
            context_schema=Caller,
            memory=True,
        )

    return create_app(build, settings, hooks)
