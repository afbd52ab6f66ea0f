"""What fits into GPUs: weights, the KV cache beside them, and heads that several GPUs share."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.sizing.limits import SizingError, amount, count, share
from course_lib.sizing.model_shape import ModelShape, kv_bytes_per_token


@dataclass(frozen=True)
class HeadSplit:
    """How tensor parallelism divides the heads of a layer.

    Args:
        heads: query heads on each GPU.
        kv_heads: key-value heads on each GPU.
        copies: on how many GPUs each key-value head is kept.
    """

    heads: int
    kv_heads: int
    copies: int


def split_heads(shape: ModelShape, gpus: int) -> HeadSplit:
    """Divide a model's heads among GPUs, as vLLM 0.32.0 does it (`models/llama.py`).

    Args:
        shape: the model's shape.
        gpus: how many GPUs share every layer (`--tensor-parallel-size`).

    Raises:
        SizingError: the heads do not divide.
    """
    count("gpus", gpus)
    if shape.heads % gpus:
        fit = [n for n in range(1, shape.heads + 1) if _fits(shape, n)]
        raise SizingError(
            f"{shape.heads} query heads do not divide among {gpus} GPUs. These numbers work: "
            f"{', '.join(map(str, fit))}."
        )
    if not _fits(shape, gpus):
        raise SizingError(
            f"{shape.kv_heads} key-value heads and {gpus} GPUs: neither number divides the other. "
            "Choose a number of GPUs that divides the key-value heads, or a multiple of them."
        )
    return HeadSplit(
        shape.heads // gpus, max(1, shape.kv_heads // gpus), max(1, gpus // shape.kv_heads)
    )


def _fits(shape: ModelShape, gpus: int) -> bool:
    even = shape.kv_heads % gpus == 0 or gpus % shape.kv_heads == 0
    return shape.heads % gpus == 0 and even


def kv_tokens(memory: float, per_token: float, *, block: int = 16) -> int:
    """Return how many tokens a KV cache holds, in whole blocks.

    Args:
        memory: bytes of the cache.
        per_token: bytes of one token.
        block: tokens of a block; vLLM's is 16 on most GPUs, and 128 on a CPU.

    Raises:
        SizingError: a number is negative, or `per_token` or `block` is zero.
    """
    block = count("block", block)
    each = amount("per_token", per_token, above=0) * block
    return int(amount("memory", memory) // each) * block


@dataclass(frozen=True)
class KvSpace:
    """What a group of GPUs has left for conversations.

    Args:
        weights_each: bytes of weights on each GPU.
        bytes_each: bytes for the KV cache on each GPU; below zero where the weights do not fit.
        tokens: tokens that the KV cache of the group holds.
    """

    weights_each: float
    bytes_each: float
    tokens: int

    def conversations(self, tokens: int) -> int:
        """Return how many conversations fit at the same moment.

        Args:
            tokens: length of one, prompt and answer together.

        Raises:
            SizingError: the length is not above zero.
        """
        return self.tokens // count("tokens", tokens)


def kv_space(
    shape: ModelShape,
    weights: float,
    gpu_bytes: float,
    *,
    gpus: int = 1,
    bytes_each: float = 2,
    use: float = 0.92,
    working_bytes: float = 0,
    block: int = 16,
) -> KvSpace:
    """Return what is left for the KV cache when a model is spread over GPUs.

    The weights are taken as divided evenly. (The small norms, and the keys' and values' matrices
    where heads are copied, are on every GPU. That is about one part in a hundred.)

    Args:
        shape: the model's shape.
        weights: bytes of all weights; best the size of the real files.
        gpu_bytes: memory of one GPU in bytes.
        gpus: how many GPUs share every layer.
        bytes_each: bytes of one number in the KV cache.
        use: share of the memory that vLLM may use (`--gpu-memory-utilization`, 0.92 in 0.32.0).
        working_bytes: what intermediate results need on each GPU; vLLM measures it at its start.
        block: tokens of a block of the cache.

    Raises:
        SizingError: a number is out of range, or the heads do not divide.
    """
    split = split_heads(shape, gpus)
    weights_each = amount("weights", weights, above=0) / gpus
    usable = amount("gpu_bytes", gpu_bytes, above=0) * share("use", use)
    left = usable - weights_each - amount("working_bytes", working_bytes)
    per_token = kv_bytes_per_token(shape, bytes_each) * split.kv_heads / shape.kv_heads
    return KvSpace(weights_each, left, kv_tokens(max(left, 0), per_token, block=block))
