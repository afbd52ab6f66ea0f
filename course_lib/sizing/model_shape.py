"""The shape of a model, as its `config.json` gives it, and the bytes that follow from it.

The shape is that of the Llama family (Llama, Qwen2, Mistral): an embedding, layers with attention
and a gated network of three matrices, and a head. Other families need other formulas, and
`ModelShape.from_config` refuses them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from course_lib.settings import DATA
from course_lib.sizing.limits import SizingError, amount, count

FAMILIES = ("llama", "mistral", "qwen2")
"""The values of `model_type` whose weights are counted here."""

BITS = (32, 16, 8, 4)
"""The widths in which the matrices of the layers can be stored."""


@dataclass(frozen=True)
class ModelShape:
    """The numbers of a model that decide how much memory it takes.

    Args:
        layers: how many layers the model has.
        hidden: numbers in the vector of one token.
        intermediate: numbers in the widest vector inside a layer.
        heads: query heads of a layer.
        kv_heads: key-value heads of a layer.
        head_width: numbers in one key, and in one value.
        vocabulary: tokens that the model knows.
        tied: whether the head uses the embedding's matrix, so that it is stored once.
        attention_bias: whether query, key and value have a bias.

    Raises:
        SizingError: a number is not above zero, or the heads cannot share the key-value heads.
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    tied: bool = False
    attention_bias: bool = False

    def __post_init__(self) -> None:
        for field in fields(self)[:7]:
            count(field.name, getattr(self, field.name))
        if self.heads % self.kv_heads:
            raise SizingError(
                f"{self.heads} query heads cannot share {self.kv_heads} key-value heads evenly. "
                "Read num_attention_heads and num_key_value_heads in config.json again."
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ModelShape:
        """Read the shape from the contents of a `config.json`.

        Args:
            config: what the file holds.

        Raises:
            SizingError: a key is missing, or the model is of a family that is not counted here.
        """
        family = config.get("model_type")
        if family not in FAMILIES:
            raise SizingError(
                f"model_type is {family!r}. The formulas here hold for {', '.join(FAMILIES)}; for "
                "another model, take the size of its files and what vLLM reports."
            )
        try:
            heads = config["num_attention_heads"]
            return cls(
                layers=config["num_hidden_layers"],
                hidden=config["hidden_size"],
                intermediate=config["intermediate_size"],
                heads=heads,
                kv_heads=config.get("num_key_value_heads") or heads,
                head_width=config.get("head_dim") or config["hidden_size"] // heads,
                vocabulary=config["vocab_size"],
                tied=config.get("tie_word_embeddings", False),
                attention_bias=config.get("attention_bias", family == "qwen2"),
            )
        except KeyError as missing:
            raise SizingError(
                f"The configuration has no {missing}. Give the whole contents of config.json."
            ) from missing

    @property
    def matrix_numbers(self) -> int:
        """Numbers in the matrices of all layers: what quantisation makes smaller."""
        attention = 2 * self.hidden * self.head_width * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def other_numbers(self) -> int:
        """Numbers outside them: embedding, head, norms and biases. They keep their width."""
        tables = self.vocabulary * self.hidden * (1 if self.tied else 2)
        norms = self.hidden * (2 * self.layers + 1)
        biases = self.layers * self.head_width * (self.heads + 2 * self.kv_heads)
        return tables + norms + (biases if self.attention_bias else 0)

    @property
    def parameters(self) -> int:
        """All numbers of the model."""
        return self.matrix_numbers + self.other_numbers


def weight_bytes(shape: ModelShape, bits: int = 16, *, group: int = 128) -> int:
    """Return the bytes of a model's weights.

    At 8 and 4 bits only the matrices of the layers are quantised. Embedding and head stay at 16
    bits, and that is why a file of a 4-bit model is larger than its parameters times half a byte.
    At 4 bits each group of numbers has a scale of 16 bits and a zero of 4, as AWQ and GPTQ store
    them. The scales of 8 bits are one for each matrix and not counted.

    Args:
        shape: the model's shape.
        bits: width of a number in the layers' matrices: 32, 16, 8 or 4.
        group: at 4 bits, how many numbers share a scale.

    Raises:
        SizingError: the width is none of these, or the group is not above zero.
    """
    if bits not in BITS:
        raise SizingError(f"bits is {bits!r}. Give one of {', '.join(map(str, BITS))}.")
    count("group", group)
    if bits >= 16:
        return shape.parameters * bits // 8
    size = 2 * shape.other_numbers + shape.matrix_numbers * bits / 8
    if bits == 4:
        size += shape.matrix_numbers / group * (2 + bits / 8)
    return round(size)


def kv_bytes_per_token(shape: ModelShape, bytes_each: float = 2) -> int:
    """Return the bytes that one token takes in the KV cache.

    A token leaves a key and a value, in each layer, for each key-value head.

    Args:
        shape: the model's shape.
        bytes_each: bytes of one number: 4 for float32, 2 for bfloat16, 1 for FP8.

    Raises:
        SizingError: `bytes_each` is not above zero.
    """
    each = amount("bytes_each", bytes_each, above=0)
    return round(2 * shape.layers * shape.kv_heads * shape.head_width * each)


@dataclass(frozen=True)
class ModelFile:
    """One published model with the size of its files.

    Args:
        name: its name on the hub.
        shape: its shape, by its configuration.
        bits: width of the numbers in its layers' matrices.
        bytes: the published size of the weights.
        exact: whether that size is given to the byte; otherwise as a hub rounds it.
        source: where the size was read.
    """

    name: str
    shape: ModelShape
    bits: int
    bytes: int
    exact: bool
    source: str


def published_models() -> list[ModelFile]:
    """Return the models of `data/model_files.json`."""
    held = json.loads((DATA / "model_files.json").read_text(encoding="utf-8"))
    return [
        ModelFile(
            row["name"],
            ModelShape.from_config(held["configs"][row["config"]]),
            row["bits"],
            sum(row["files"]),
            row["exact"],
            row["source"],
        )
        for row in held["models"]
    ]
