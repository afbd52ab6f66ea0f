"""Real servers as child processes, and the load that is put on them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "load": ["Answer", "LoadResult", "measure_request", "run_load"],
        "process": [
            "ModelServer",
            "Server",
            "ServerError",
            "free_port",
            "langgraph_server",
            "start",
            "vllm_program",
            "vllm_server",
        ],
    },
)
