"""Where state is kept and who owns it: savers, stores, threads, the checkpoint tree."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "async_saver": ["AsyncSaverAdapter", "as_async_saver"],
        "cache": ["CachedSaver"],
        "cache_protocol": ["CacheError"],
        "checkpointers": ["open_async_checkpointer", "open_checkpointer"],
        "comparison": ["is_equal"],
        "database_urls": ["CheckpointerError"],
        "databases": ["Postgres", "connect", "postgres"],
        "postgres_error": ["PostgresError", "redact_url"],
        "encryption": ["WrongKey"],
        "fork_points": ["fork_point"],
        "history": ["Checkpoint", "CheckpointTree", "StateDiff", "diff_states"],
        "memory_cache": ["MemoryCache"],
        "redis_cache": ["RedisCheckpointCache"],
        "redis_saver": ["RedisSaver"],
        "remedies": ["remedy_for"],
        "storage_identity": ["same_storage"],
        "retention": ["cleanup", "erase", "export", "find_words", "idle_threads", "import_thread"],
        "retention_reports": [
            "CleanupReport",
            "ErasureReport",
            "ExportReport",
            "Found",
            "IdleThread",
            "RetentionError",
        ],
        "stores": ["open_store"],
        "thread_records": ["Thread", "UnknownThread", "namespace_label", "person_key", "storable"],
        "threads": ["ThreadDirectory"],
        "unfinished": ["unfinished_step"],
        "vector_index": ["VectorIndexError"],
        "whole_nodes": ["WholeNodes", "keep_whole_nodes"],
    },
)
