"""Real servers and functions as child processes, and the load that is put on servers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "child_process": [
            "ChildError",
            "ChildProcess",
            "kill_this_process",
            "run_child",
            "start_child",
        ],
        "development_server": ["langgraph_server"],
        "load": ["Answer", "LoadResult", "measure_request", "run_load"],
        "payment": ["PaymentError", "PaymentService", "pay", "payment_service"],
        "ports": ["free_port", "is_free"],
        "process": ["Server", "ServerError", "start"],
        "vllm_process": ["ModelServer", "vllm_program", "vllm_server"],
    },
)
