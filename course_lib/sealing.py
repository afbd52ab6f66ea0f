"""Encryption at rest: what a saver writes is unreadable without the key.

LangGraph's `EncryptedSerializer` encrypts what it is handed. PostgreSQL's saver does not hand it
everything: plain text, numbers, booleans and None go into the `checkpoints` table as they are.
`sealed` closes that gap. Thread ids and metadata stay readable on every saver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

KEY_SIZES = (16, 24, 32)
"""Sizes of an AES key, in bytes."""


class WrongKey(ValueError):
    """A key has the wrong size, does not fit what was written, or is missing."""


@dataclass(frozen=True)
class Sealed:
    """A plain value on its way to a saver that would write it in the clear."""

    value: Any


class SealingSerializer(SerializerProtocol):
    """Encrypt with AES everything a saver hands over, and say plainly when a key does not fit.

    Args:
        key: 16, 24 or 32 bytes.

    Raises:
        WrongKey: the key has another size.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) not in KEY_SIZES:
            raise WrongKey(
                f"The key has {len(key)} bytes. AES takes 16, 24 or 32: make one with "
                "secrets.token_bytes(32) and keep it outside the database."
            )
        self._inner = EncryptedSerializer.from_pycryptodome_aes(JsonPlusSerializer(), key=key)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialise and encrypt a value; a `Sealed` one becomes what it holds."""
        return self._inner.dumps_typed(obj.value if isinstance(obj, Sealed) else obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Decrypt and load a value.

        Raises:
            WrongKey: it was written with another key.
        """
        try:
            return self._inner.loads_typed(data)
        except ValueError as error:
            if "MAC check failed" in str(error):
                raise WrongKey(
                    "This key does not open what is stored (MAC check failed). Use the key that "
                    "the thread was written with; there is no way around it."
                ) from error
            raise


class OpenSerializer(JsonPlusSerializer):
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


def sealed(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return a checkpoint whose plain values a saver must serialise instead of writing them out.

    Args:
        checkpoint: as a saver's `put` gets it; not changed.
    """
    plain = (str, int, float, bool, type(None))
    values = {
        name: Sealed(value) if isinstance(value, plain) else value
        for name, value in checkpoint["channel_values"].items()
    }
    return {**checkpoint, "channel_values": values}
