"""Failures of a model server, each said in words that name the address and the remedy."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.outputs import ChatGenerationChunk

from course_lib.models.answer_wait import OnlyKeptOpen
from course_lib.models.http_clients import RETRIED, ReportedError, UnexpectedAnswer, proxy_for

MAX_SAID = 500
"""How many letters of a server's own words an error tells."""


class ModelServerError(ConnectionError):
    """A model server cannot be reached, broke off or failed; a later try may succeed.

    It is a `ConnectionError`, which LangGraph's retry policy tries again.
    """


class ModelRequestError(ValueError):
    """A model server refuses this request, and will refuse it each time.

    The key is refused, the model is unknown, the address is none of an OpenAI-compatible server,
    or the request itself is at fault. It is a `ValueError`, which LangGraph's retry policy does
    not try again.
    """


@dataclass
class RequestFacts:
    """What an error says about the request that failed.

    Args:
        url: address of the server.
        model: name of the model that was asked for.
        timeout: seconds without an answer after which the client gives up.
        max_retries: how often the client tries again.
        chunks_seen: how many chunks of the answer have come.
        is_complete: whether one of them said why the answer ends.
    """

    url: str
    model: str
    timeout: Any
    max_retries: int | None
    chunks_seen: int = field(default=0)
    is_complete: bool = field(default=False)

    def note(self, chunk: ChatGenerationChunk) -> None:
        """Take in a chunk of the answer."""
        told = {**chunk.message.response_metadata, **(chunk.generation_info or {})}
        self.chunks_seen += 1
        self.is_complete |= bool(told.get("finish_reason") or told.get("status"))


@contextlib.contextmanager
def explained_errors(facts: RequestFacts) -> Iterator[RequestFacts]:
    """Turn a failure inside the block into one that says where it comes from and what to do.

    Raises:
        ModelServerError: nobody answers, the answer is late or breaks off, or the server failed.
        ModelRequestError: the server refuses the request.
    """
    try:
        yield facts
    except openai.APITimeoutError as error:
        if facts.chunks_seen:
            raise _broken_off(facts, f"nothing came for {facts.timeout} s") from error
        raise ModelServerError(
            f"{facts.url} did not answer within {facts.timeout} s ({facts.max_retries} more tries "
            "were made). Is it overloaded? Give it more time with chat_model(timeout=...)."
        ) from error
    except OnlyKeptOpen as error:
        if facts.chunks_seen:
            raise _broken_off(facts, str(error)) from error
        raise ModelServerError(
            f"{facts.url} did not answer for the model {facts.model!r}: {error}. Is it overloaded? "
            "Try again later, or give it more time with chat_model(timeout=...)."
        ) from error
    except openai.APIConnectionError as error:
        if facts.chunks_seen:
            raise _broken_off(facts, _root_cause(error)) from error
        raise _unreachable(facts, error) from error
    except openai.APIStatusError as error:
        if isinstance(error, ContextOverflowError):  # LangChain's middleware looks for its class
            raise
        if _is_too_long(error):
            raise _overflow(error) from error
        raise _refusal(facts, error) from error
    except ReportedError as error:
        raise _reported(facts, error) from error
    except UnexpectedAnswer as error:
        if facts.chunks_seen:
            raise _broken_off(facts, str(error)) from error
        raise _no_openai_server(facts, str(error)) from error
    except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError) as error:
        raise ModelRequestError(
            f"The structured answer of {facts.model!r} at {facts.url} is not complete: {error} "
            "Give it more room with max_tokens, or ask for less."
        ) from error
    except openai.APIError as error:
        if type(error) is not openai.APIError:
            raise
        # The server reports this inside the stream, after it has sent the status 200.
        raise _reported_in_stream(facts, error) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        if facts.chunks_seen:
            raise _broken_off(facts, f"a chunk is not JSON: {error}") from error
        raise _no_openai_server(facts, f"its answer is not JSON: {error}") from error
    except UnicodeEncodeError as error:
        if error.encoding != "ascii":
            raise
        raise ModelRequestError(
            f"The key for {facts.url} holds {error.object[error.start : error.end]!r}, which no "
            "key has. Set COURSE_LLM_API_KEY to the key alone."
        ) from error
    except AttributeError as error:
        if error.name != "model_dump":  # LangChain calls it on each chunk of OpenAI's client
            raise
        why = f"a chunk of its answer is {str(error.obj)[:100]!r} and no object"
        raise (_broken_off if facts.chunks_seen else _no_openai_server)(facts, why) from error


def check_complete(facts: RequestFacts) -> None:
    """Check what came in a stream that ended without an error.

    A proxy may end the stream in good order where the server behind it has died in the middle.

    Raises:
        ModelServerError: no chunk said why the answer ends, so it may be only its beginning.
        ModelRequestError: there was no chunk.
    """
    if not facts.chunks_seen:
        raise _no_openai_server(facts, "its stream holds no chunk of an answer")
    if not facts.is_complete:
        raise _broken_off(facts, "its stream ended without a finish_reason")


def _is_too_long(error: openai.APIStatusError) -> bool:
    """Whether a server refuses a prompt because it is longer than the model's context."""
    return error.status_code == 400 and (
        getattr(error, "code", None) == "context_length_exceeded"
        or "maximum context length" in str(error.message)
    )


def _overflow(error: openai.APIStatusError) -> Exception:
    """Return LangChain's error for it: LangChain looks for the code in the error's text only."""
    from langchain_openai.chat_models.base import OpenAIContextOverflowError

    said = error.message[:MAX_SAID]
    return OpenAIContextOverflowError(said, response=error.response, body=error.body)


def _refusal(facts: RequestFacts, error: openai.APIStatusError) -> Exception:
    status, said = error.status_code, _said(error)
    told = _refusal_by_code(facts, getattr(error, "code", None), said, status)
    if told is not None and not (status in (404, 405) and _is_page(error)):
        return told
    if status in (404, 405) or 300 <= status < 400:
        return ModelRequestError(
            f"{facts.url} is not the address of an OpenAI-compatible server, or has no model "
            f"{facts.model!r}: it answered {status} to a request for /chat/completions ({said}). "
            "Such an address usually ends in /v1. Set COURSE_LLM_BASE_URL or COURSE_LLM_MODEL."
        )
    if status in RETRIED:
        return ModelServerError(
            f"{facts.url}, asked for the model {facts.model!r}, answered {status}: {said} Try "
            "again, or look into the server's log."
        )
    return ModelRequestError(
        f"{facts.url} refuses the request for the model {facts.model!r} ({status}): {said} Change "
        "what the message names; the same request would be refused again."
    )


def _reported(facts: RequestFacts, error: ReportedError) -> Exception:
    """Return what an error means that a server reports with the status of success."""
    code = error.code
    status = int(code) if str(code).isdecimal() and len(str(code)) == 3 else None
    told = _refusal_by_code(facts, code, str(error), status)
    if told is not None:
        return told
    named = f" ({code})" if code else ""
    begin = f"{facts.url}, asked for the model {facts.model!r}, answered with an error{named}: "
    if status in RETRIED:
        return ModelServerError(f"{begin}{error} Try again, or look into the server's log.")
    return ModelRequestError(
        f"{begin}{error} Change what the message names; the same request would be refused again."
    )


def _reported_in_stream(facts: RequestFacts, error: openai.APIError) -> Exception:
    """Return what an error means that a server reports as an event of a stream."""
    reported = ReportedError(error.body if error.body else error.message)
    if facts.chunks_seen or reported.code is None:
        return _broken_off(facts, str(reported))
    return _reported(facts, reported)


def _refusal_by_code(
    facts: RequestFacts, code: Any, said: str, status: int | None
) -> ModelRequestError | None:
    """Return the error for a refusal whose reason is known: the key, the model, or no credit."""
    if status in (401, 403) or code in ("invalid_api_key", "authentication_error"):
        return ModelRequestError(
            f"{facts.url} refuses the key ({status or code}: {said}) for the model "
            f"{facts.model!r}. Set COURSE_LLM_API_KEY to a key that may use it."
        )
    if code == "insufficient_quota":
        return ModelRequestError(
            f"{facts.url} refuses the request for the model {facts.model!r} because the account "
            f"has no credit left: {said} Add credit there, or set COURSE_LLM_API_KEY to the key of "
            "another account."
        )
    if code == "model_not_found" or (status in (404, 405) and "model" in said.lower()):
        return ModelRequestError(
            f"{facts.url} has no model {facts.model!r}: {said} Look at {facts.url}/models, then "
            "set COURSE_LLM_MODEL or the option model=."
        )
    return None


def _is_page(error: openai.APIStatusError) -> bool:
    return "html" in error.response.headers.get("content-type", "")


def _said(error: openai.APIStatusError) -> str:
    """Return a server's own words about a refusal.

    OpenAI puts them under `error.message`, Ollama under `error`, FastAPI under `detail`; a proxy
    sends a web page, of which only the title is told.
    """
    body: Any = error.body
    if _is_page(error):
        title = re.search(r"<title[^>]*>([^<]{1,100})", error.response.text, re.IGNORECASE)
        return f"a web page, {title[1].strip()!r}" if title else "a web page"
    for name in ("message", "error", "detail"):
        if isinstance(body, dict) and body.get(name):
            body = body[name]
    if isinstance(body, (dict, list)):
        body = json.dumps(body, ensure_ascii=False, default=str)
    return str(body or error.message)[:MAX_SAID]


def _no_openai_server(facts: RequestFacts, why: str) -> ModelRequestError:
    return ModelRequestError(
        f"{facts.url} is not the address of an OpenAI-compatible server: asked for the model "
        f"{facts.model!r}, {why}. Such an address usually ends in /v1. Set COURSE_LLM_BASE_URL."
    )


def _unreachable(facts: RequestFacts, error: Exception) -> Exception:
    said = _root_cause(error)
    if "without sending complete message body" in said:
        return _broken_off(facts, said)
    if "redirect" in said:
        return _no_openai_server(facts, f"its redirects lead nowhere ({said})")
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return ModelRequestError(
            f"The certificate of {facts.url} is not trusted here ({said}). Set SSL_CERT_FILE to "
            "the file with the certificate of whoever signed it."
        )
    proxy = proxy_for(facts.url)
    way = f" through the proxy {proxy}" if proxy else ""
    remedy = " Or add the address to NO_PROXY if the proxy should not be used." if proxy else ""
    return ModelServerError(
        f"Nobody answers at {facts.url}{way} ({said}). Start the server, or set "
        f"COURSE_LLM_BASE_URL to where it is; unset it to use the offline model.{remedy}"
    )


def _broken_off(facts: RequestFacts, why: str) -> ModelServerError:
    return ModelServerError(
        f"{facts.url} broke off in the middle of an answer ({why[:MAX_SAID]}). Send the message "
        "again; if it comes back, look into the server's log."
    )


def _root_cause(error: BaseException) -> str:
    """Return the words of the error at the bottom of a chain of errors."""
    seen = {id(error)}  # `raise error from error` makes a ring
    while (below := error.__cause__ or error.__context__) is not None and id(below) not in seen:
        seen.add(id(below))
        error = below
    return str(error) or type(error).__name__
