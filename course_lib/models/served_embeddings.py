"""An embedding behind an OpenAI-compatible address: vLLM, Ollama, a gateway, a hosted service."""

from __future__ import annotations

from collections.abc import Sequence

import openai
from langchain_core.embeddings import Embeddings

from course_lib.models.http_clients import http_clients
from course_lib.models.server_errors import ModelRequestError, ModelServerError


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
