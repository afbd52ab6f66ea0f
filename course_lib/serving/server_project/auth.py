"""Who is asking, and what they may do: a token for each person, and records of their own."""

from __future__ import annotations

from typing import Any

from langgraph_sdk import Auth

TOKENS = {"token-of-ann": "ann", "token-of-bo": "bo"}
"""For a chapter only. A real server checks a signed token or asks its users' database."""

auth = Auth()


@auth.authenticate
async def who(authorization: str | None) -> Auth.types.MinimalUserDict:
    """Return the person whose token came with the request."""
    user = TOKENS.get((authorization or "").removeprefix("Bearer "))
    if user is None:
        raise Auth.exceptions.HTTPException(401, "Send a token that this server knows.")
    return {"identity": user}


@auth.on
async def refuse(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> bool:
    """Refuse whatever has no rule of its own."""
    return False


@auth.on.threads
@auth.on.crons
async def own_records(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> dict[str, str]:
    """Write the owner into what is created, and find only what has this owner."""
    owner = {"owner": ctx.user.identity}
    value.setdefault("metadata", {}).update(owner, user=ctx.user.identity)
    return owner


@auth.on.threads.create_run
async def own_run(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> dict[str, str]:
    """Correct a run that says it is somebody else's."""
    kwargs = value["kwargs"]
    for part in (kwargs.get("context"), (kwargs.get("config") or {}).get("configurable")):
        if part and "user" in part:
            part["user"] = ctx.user.identity
    return await own_records(ctx, value)


@auth.on.assistants.read
@auth.on.assistants.search
async def everybody(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> bool:
    """Let everybody see and run the assistants."""
    return True


@auth.on.store
async def own_memories(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> bool:
    """Allow a person the namespace of their own memories, and what lies below it."""
    namespace = tuple(value.get("namespace") or ())
    return namespace[:2] == ("memories", ctx.user.identity)
