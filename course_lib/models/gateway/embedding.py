"""`/v1/embeddings`: the course's embedding by OpenAI's protocol."""

from __future__ import annotations

import base64
import struct
from typing import Any

from openai.types.embedding_create_params import EmbeddingCreateParams

from course_lib.models.answer_stream import count_tokens
from course_lib.models.embedding_model import BundledEmbeddings
from course_lib.models.gateway.refusals import Refusal, missing, wrong_type
from course_lib.models.gateway.requests import read_object

MODEL = "namu-embedding"
MAX_INPUTS = 2048
FORMATS = ("float", "base64")

KNOWN = frozenset(EmbeddingCreateParams.__annotations__)
"""The parameters that OpenAI's protocol has; any other one is refused."""


def embed(data: bytes) -> dict[str, Any]:
    """Return the answer to a request for embeddings.

    Args:
        data: the body of the request, with `model`, `input` and maybe `encoding_format`.

    Raises:
        Refusal: something in it is wrong.
    """
    body = read_object(data, KNOWN)
    for name in ("model", "input"):
        if name not in body:
            raise missing(name)
    if body["model"] != MODEL:
        raise Refusal(
            f"The model `{str(body['model'])[:100]}` does not exist or you do not have access to "
            "it.",
            code="model_not_found",
            status=404,
        )
    if body.get("dimensions") is not None:
        raise Refusal("This model does not support specifying dimensions.", param="dimensions")
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise wrong_type("input", "one of a string or an array of strings", body["input"])
    if not 0 < len(texts) <= MAX_INPUTS or not all(texts):
        raise Refusal("'$.input' is invalid. Please check the API reference.", param="input")
    form = body.get("encoding_format", "float")
    if form not in FORMATS:
        raise Refusal(
            f"Invalid value: {str(form)[:100]!r}. Supported values are: 'float' and 'base64'.",
            param="encoding_format",
            code="invalid_value",
        )
    vectors = BundledEmbeddings().embed_documents(texts)
    tokens = sum(map(count_tokens, texts))
    return {
        "object": "list",
        "model": MODEL,
        "data": [
            {"object": "embedding", "index": n, "embedding": _written(vector, form)}
            for n, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _written(vector: list[float], form: str) -> list[float] | str:
    if form == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
