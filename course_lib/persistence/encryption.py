"""Encryption at rest: what a saver writes is unreadable without the key.

LangGraph's `EncryptedSerializer` encrypts what it is handed. PostgreSQL's saver does not hand it
everything: plain text, numbers, booleans and None go into the `checkpoints` table as they are.
`wrap_plain_values` closes that gap. Thread ids, metadata and the names of nodes and fields stay
readable in SQLite and PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

KEY_SIZES = (16, 24, 32)
"""Sizes of an AES key, in bytes."""


class WrongKey(ValueError):
    """A key has the wrong size, does not fit what was written, or is missing."""


@dataclass(frozen=True)
class WrappedValue:
    """A plain value on its way to a saver that would write it in the clear."""

    value: Any


class EncryptingSerializer(JsonPlusSerializer):
    """LangGraph's usual serialiser with AES around it, which says plainly when a key does not fit.

    Args:
        key: 16, 24 or 32 bytes.

    Raises:
        WrongKey: the key has another size, or is no bytes.
    """

    def __init__(self, key: bytes) -> None:
        super().__init__()
        if not isinstance(key, bytes) or len(key) not in KEY_SIZES:
            size = f"{len(key)} bytes" if isinstance(key, bytes) else f"type {type(key).__name__}"
            raise WrongKey(
                f"The key has {size}. AES takes 16, 24 or 32 bytes: make one with "
                "secrets.token_bytes(32) and keep it outside the database."
            )
        self._cipher = EncryptedSerializer.from_pycryptodome_aes(key=key).cipher

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialise and encrypt a value; a `WrappedValue` one becomes what it holds."""
        kind, data = super().dumps_typed(obj.value if isinstance(obj, WrappedValue) else obj)
        name, locked = self._cipher.encrypt(data)
        return f"{kind}+{name}", locked

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Decrypt and load a value; one that was written in the clear is loaded as it is.

        Raises:
            WrongKey: it was written with another key.
        """
        kind, _, name = data[0].partition("+")
        if not name:
            return super().loads_typed(data)
        try:
            opened = self._cipher.decrypt(name, data[1])
        except ValueError as error:
            raise WrongKey(
                f"This key does not open what is stored ({error}). Use the key that the thread was "
                "written with; there is no way around it."
            ) from error
        return super().loads_typed((kind, opened))


class PlaintextSerializer(JsonPlusSerializer):
    """LangGraph's usual serialiser, which says plainly when it meets encrypted data."""

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Load a value.

        Raises:
            WrongKey: the value is encrypted.
        """
        if "+" in data[0]:
            raise WrongKey(
                f"What is stored is encrypted ({data[0]}) and no key was given. Pass the key it "
                "was written with: open_checkpointer(url, key=...)."
            )
        return super().loads_typed(data)


def wrap_plain_values(
    checkpoint: dict[str, Any], new_versions: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a saver serialise the plain values of a checkpoint instead of writing them out.

    Args:
        checkpoint: as a saver's `put` gets it; not changed.
        new_versions: the channels that this step wrote; not changed.

    Returns:
        Both, to hand on. A plain value that this step did not write is named among the new
        versions too: until now it may lie in the clear in an earlier row, and nowhere else.
    """
    plain = (str, int, float, bool, type(None))
    wrapped = {
        k: WrappedValue(v) for k, v in checkpoint["channel_values"].items() if isinstance(v, plain)
    }
    versions = checkpoint["channel_versions"]
    return (
        {**checkpoint, "channel_values": {**checkpoint["channel_values"], **wrapped}},
        {**{k: versions[k] for k in wrapped if k in versions}, **new_versions},
    )
