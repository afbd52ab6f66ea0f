"""A node or a tool that asks Python to end is a failure of the run, and not the end of the kernel.

`sys.exit()` raises `SystemExit`. An asyncio task that ends with `SystemExit` or `KeyboardInterrupt`
passes it on to the event loop, which then stops: in a notebook the kernel ends, and every unsaved
variable is lost. Many things call `sys.exit()` on the way, such as `argparse` on a wrong argument.
So while a graph runs for the chat, the exception is replaced before a task can end with it. Nothing
can be done about `os._exit()` or a crash of the interpreter, which end the process at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any

_GUARDED: ContextVar[bool] = ContextVar("course_lib_chat_guarded", default=False)


class ProcessExitError(RuntimeError):
    """The graph asked Python to end."""

    def __init__(self, error: BaseException) -> None:
        code = getattr(error, "code", None)
        what = f"sys.exit({'' if code is None else repr(code)})"
        what = f"called {what}" if isinstance(error, SystemExit) else f"raised {error!r}"
        super().__init__(
            f"a node or a tool {what}, which would have ended this whole Python process. Let it "
            "raise another exception or return a value instead."
        )


@contextmanager
def exits_as_errors() -> Iterator[None]:
    """Raise `ProcessExitError` where the body raises `SystemExit` or `KeyboardInterrupt`."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        raise ProcessExitError(error) from error


def guard_tasks() -> None:
    """Replace such exceptions in all tasks that the calling task starts from now on.

    The running loop gets a task factory that calls the one it had. Tasks that are started elsewhere
    are left as they are. LangGraph runs each node, each function that chooses the next node, and
    each tool in a task of its own.
    """
    _GUARDED.set(True)
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    if not isinstance(factory, _TaskFactory):
        loop.set_task_factory(_TaskFactory(factory))


class _TaskFactory:
    """Starts tasks, those of a guarded context with a guarded coroutine.

    Args:
        inner: the factory that the loop had, if any.
    """

    def __init__(self, inner: Callable[..., asyncio.Future[Any]] | None) -> None:
        self._inner = inner

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Any,
        *,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Future[Any]:
        guarded = _GUARDED.get() if context is None else context.get(_GUARDED, False)
        if guarded and asyncio.iscoroutine(coroutine):
            coroutine = _GuardedCoroutine(coroutine)
        if context is not None:
            options["context"] = context
        if self._inner is not None:
            return self._inner(loop, coroutine, **options)
        return asyncio.Task(coroutine, loop=loop, **options)


class _GuardedCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine that ends with `ProcessExitError` where it would end the process.

    Its other attributes are those of the wrapped coroutine, which libraries such as anyio look at.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)

    def __await__(self) -> Iterator[Any]:
        try:
            return (yield from self._coroutine.__await__())
        except (SystemExit, KeyboardInterrupt) as error:
            raise ProcessExitError(error) from error

    def send(self, value: Any) -> Any:
        """Run the coroutine to its next pause."""
        try:
            return self._coroutine.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            raise ProcessExitError(error) from error

    def throw(self, *error: Any) -> Any:
        """Raise an exception where the coroutine waits."""
        try:
            return self._coroutine.throw(*error)
        except (SystemExit, KeyboardInterrupt) as raised:
            raise ProcessExitError(raised) from raised

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()
