"""From a workload to a number of servers and an invoice; chapter 16 uses every function of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "capacity": ["LoadPoint", "best_within", "in_flight", "servers_needed"],
        "costs": ["OwnServer", "break_even_turns", "cost_per_1000_turns", "token_cost"],
        "gpu_memory": ["HeadSplit", "KvSpace", "kv_space", "kv_tokens", "split_heads"],
        "limits": ["SizingError"],
        "model_shape": [
            "ModelFile",
            "ModelShape",
            "kv_bytes_per_token",
            "published_models",
            "weight_bytes",
        ],
        "workload": ["Workload", "request_seconds"],
    },
)
