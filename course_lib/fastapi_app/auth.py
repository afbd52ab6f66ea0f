"""Who is asking: tokens (JWT) with a user, a tenant and roles.

The service never takes the user from the body of a request: a client can write anything there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .problems import Problem

ALGORITHM = "HS256"
AUDIENCE = "chat"
"""For which service a token is. A token that was made for another one is refused."""

MAX_NAME_LENGTH = 200
"""Longest name of a user or a tenant, in characters."""

bearer = HTTPBearer(auto_error=False, description="A token made by `make_token`")


@dataclass(frozen=True)
class Person:
    """Who is asking.

    Args:
        user: unique within the tenant.
        tenant: the customer, school or company.
        roles: what the person may do beyond chatting, such as `booker`.
    """

    user: str
    tenant: str
    roles: tuple[str, ...] = ()


def make_token(
    key: bytes,
    user: str,
    *,
    tenant: str = "default",
    roles: Sequence[str] = (),
    lifetime: timedelta = timedelta(hours=1),
) -> str:
    """Make a token, as the service does that signs people in.

    Args:
        key: the same one as the chat service has.
        user: who it is for.
        tenant: of which customer.
        roles: what the person may do.
        lifetime: until it expires.
    """
    now = datetime.now(UTC)
    claims = {"sub": user, "tenant": tenant, "roles": list(roles), "aud": AUDIENCE, "iat": now}
    return jwt.encode({**claims, "exp": now + lifetime}, key, algorithm=ALGORITHM)


def read_token(key: bytes, token: str) -> Person:
    """Return who a token was made for.

    Raises:
        Problem: 401; it expired, was signed with another key, or lacks a claim.
    """
    try:
        # The algorithm is ours and never the token's: a token may name "none".
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"require": ["sub", "tenant", "exp", "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise unauthorized("The token has expired. Sign in again.") from None
    except (jwt.InvalidTokenError, UnicodeError):
        raise unauthorized("The token is not valid. Sign in again.") from None
    user, tenant, roles = claims["sub"], claims["tenant"], claims.get("roles", [])
    names = [user, tenant, *roles] if isinstance(roles, list) else [None]
    if not all(isinstance(name, str) and _is_name(name) for name in names):
        raise unauthorized("The token names no user and tenant that can be used.")
    return Person(user, tenant, tuple(roles))


def unauthorized(detail: str) -> Problem:
    """The problem of a request without a usable token."""
    return Problem(401, "not-signed-in", detail, headers={"WWW-Authenticate": "Bearer"})


def current_person(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Person:
    """Read who is asking from the `Authorization` header; a dependency of every endpoint."""
    if given is None:
        raise unauthorized("Send the header 'Authorization: Bearer TOKEN'.")
    return read_token(request.app.state.service.settings.token_key, given.credentials)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME_LENGTH and text.isprintable()


CurrentPerson = Annotated[Person, Depends(current_person)]
