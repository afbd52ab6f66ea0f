"""A chat model behind an OpenAI-compatible address: vLLM, Ollama, a gateway, a hosted service.

It is LangChain's `ChatOpenAI` with failures that say where they came from: which address, which
model, and what to do next.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

# langchain-openai dumps parsed answers with a schema that does not know them; harmless, but each
# structured answer in a streamed graph would write a warning into the learner's notebook.
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning, "pydantic.main")


class ModelServerError(ConnectionError):
    """A model server did not answer as it should; the text names its address and the remedy.

    It is a `ConnectionError`, which LangGraph's retry policy tries again.
    """


def client_for_any_loop(url: str) -> Any:
    """Return an asynchronous HTTP client that keeps no connection open between requests.

    A kept connection belongs to the event loop that opened it. One model may be used from several:
    the notebook's, a server's in a thread, one `asyncio.run` after the other.

    Args:
        url: where it will ask. Whatever proxy the person uses is not on the way to this machine.
    """
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_keepalive_connections=0)
    here = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    return openai.DefaultAsyncHttpxClient(limits=limits, trust_env=not here)


class RemoteChatModel(ChatOpenAI):
    """`ChatOpenAI`, with errors that name the address.

    A request that finds no connection, or is answered 408, 409, 429 or 5xx, is sent again
    `max_retries` times, each time after a longer pause. An answer that breaks off half-way is
    not: what was streamed has been seen.

    Raises:
        ModelServerError: nobody answers, too late, in the middle of an answer no more, or with an
            error of the server's own.
    """

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        with self._explained():
            return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        with self._explained():
            return await super()._agenerate(*args, **kwargs)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with self._explained() as seen:
            for chunk in super()._stream(*args, **kwargs):
                seen.append(chunk)
                yield chunk

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        with self._explained() as seen:
            async for chunk in super()._astream(*args, **kwargs):
                seen.append(chunk)
                yield chunk

    @contextlib.contextmanager
    def _explained(self) -> Iterator[list[ChatGenerationChunk]]:
        """Turn a failure into one that says where and what; yields a list for what has come."""
        url, model = str(self.openai_api_base), self.model_name
        seen: list[ChatGenerationChunk] = []
        try:
            yield seen
        except openai.APITimeoutError as error:
            if seen:
                raise _broken_off(url, f"nothing came for {self.request_timeout} s") from error
            raise ModelServerError(
                f"{url} did not answer within {self.request_timeout} s ({self.max_retries} tries "
                "more were made). Is it overloaded? Give it longer with chat_model(timeout=...)."
            ) from error
        except openai.APIConnectionError as error:
            if seen:
                raise _broken_off(url, _reason(error)) from error
            raise ModelServerError(
                f"Nobody answers at {url} ({_reason(error)}). Start the server, or set "
                "COURSE_LLM_BASE_URL to where it is; unset it to use the offline model."
            ) from error
        except openai.NotFoundError as error:
            raise ModelServerError(
                f"{url} has no model {model!r}, or is no address of an OpenAI-compatible server: "
                f"{error.message} Look at {url}/models, then set COURSE_LLM_MODEL."
            ) from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ModelServerError(
                f"{url} refuses the key ({error.status_code}). Set COURSE_LLM_API_KEY."
            ) from error
        except (openai.InternalServerError, openai.RateLimitError) as error:
            raise ModelServerError(
                f"{url} answered {error.status_code}: {error.message} Try again, or look into "
                "its log."
            ) from error
        except openai.APIError as error:
            if type(error) is not openai.APIError:  # a refusal, in the server's own words
                raise
            # Told inside the stream, when the status was sent already.
            raise _broken_off(url, error.message) from error


def _broken_off(url: str, why: str) -> ModelServerError:
    return ModelServerError(
        f"{url} broke off in the middle of an answer ({why}). Send the message again; if it comes "
        "back, look into the server's log."
    )


def _reason(error: BaseException) -> str:
    """What a connection's error goes back to, in its own words."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__
