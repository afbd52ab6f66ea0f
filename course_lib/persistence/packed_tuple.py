"""A checkpoint tuple as bytes, written by a saver's own serialiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import CheckpointTuple

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import SerializerProtocol

FORMAT = 1
"""Bytes of another format, of a newer version of the course for example, are not read."""


def pack(found: CheckpointTuple, serde: SerializerProtocol) -> bytes | None:
    """Write a tuple as bytes, each value of a channel by itself, as the database has it.

    Args:
        found: as a saver returned it.
        serde: the saver's serialiser. Where it encrypts, all of the bytes are encrypted but the
            names of channels and the ids of tasks.

    Returns:
        The bytes, or None for a tuple that cannot be written as such.
    """
    import ormsgpack

    values = found.checkpoint["channel_values"]
    rest = {name: part for name, part in found.checkpoint.items() if name != "channel_values"}
    head = [found.config, rest, found.metadata, found.parent_config]
    writes = found.pending_writes
    try:
        return ormsgpack.packb(
            [
                FORMAT,
                serde.dumps_typed(head),
                {name: serde.dumps_typed(value) for name, value in values.items()},
                None if writes is None else [[*w[:2], *serde.dumps_typed(w[2])] for w in writes],
            ]
        )
    except (TypeError, ValueError, OverflowError):  # a number of more than 64 bits in the metadata
        return None


def unpack(data: bytes, serde: SerializerProtocol) -> CheckpointTuple | None:
    """Read a tuple from bytes; every call returns new objects.

    Args:
        data: as `pack` wrote it.
        serde: a serialiser that reads what the one of `pack` writes.

    Returns:
        The tuple, or None for damaged bytes, another format or a wrong key. The saver, which is
        asked then, reports a wrong key itself.
    """
    import ormsgpack

    try:
        format_, head, values, writes = ormsgpack.unpackb(data)
        if format_ != FORMAT:
            return None
        config, rest, metadata, parent_config = serde.loads_typed(tuple(head))
        loaded = {name: serde.loads_typed(tuple(value)) for name, value in values.items()}
        pending: list[Any] | None = None
        if writes is not None:
            pending = [
                (task, channel, serde.loads_typed((kind, value)))
                for task, channel, kind, value in writes
            ]
        checkpoint = {**rest, "channel_values": loaded}
    except (TypeError, ValueError, NotImplementedError):
        return None
    return CheckpointTuple(config, checkpoint, metadata, parent_config, pending)
