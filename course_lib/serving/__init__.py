"""Real servers as child processes, and the load that is put on them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "development_server": ["langgraph_server"],
        "load": ["Answer", "LoadResult", "measure_request", "run_load"],
        "ports": ["free_port", "is_free"],
        "process": ["Server", "ServerError", "start"],
        "vllm_process": ["ModelServer", "vllm_program", "vllm_server"],
    },
)
