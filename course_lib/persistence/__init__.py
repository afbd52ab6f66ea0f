"""Where state is kept and who owns it: savers, stores, threads, the checkpoint tree."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "async_saver": ["AsyncSaverAdapter", "as_async_saver"],
        "checkpointers": ["CheckpointerError", "open_async_checkpointer", "open_checkpointer"],
        "comparison": ["is_equal"],
        "databases": ["Postgres", "connect", "postgres"],
        "postgres_error": ["PostgresError", "redact_url"],
        "encryption": ["WrongKey"],
        "fork_points": ["fork_point"],
        "history": ["Checkpoint", "CheckpointTree", "StateDiff", "diff_states"],
        "remedies": ["remedy_for"],
        "storage_identity": ["same_storage"],
        "stores": ["open_store"],
        "thread_records": ["Thread", "UnknownThread", "namespace_label"],
        "threads": ["ThreadDirectory"],
        "vector_index": ["VectorIndexError"],
    },
)
