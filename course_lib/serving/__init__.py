"""Real servers and functions as child processes, and the load that is put on servers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "api_workers": ["ApiWorkers", "api_workers"],
        "child_process": [
            "ChildError",
            "ChildProcess",
            "kill_this_process",
            "run_child",
            "start_child",
        ],
        "development_server": ["copy_project", "langgraph_server"],
        "django_site": ["DjangoSite", "django_site"],
        "gateway_process": ["ModelGateway", "model_gateway"],
        "load": [
            "Answer",
            "LoadResult",
            "arrival_times",
            "measure_request",
            "run_arrivals",
            "run_load",
        ],
        "load_curve": ["measure_closed", "measure_open", "numbered_prompts"],
        "payment": ["PaymentError", "PaymentService", "pay", "payment_service"],
        "ports": ["free_port", "is_free"],
        "redis_process": ["Redis", "redis_program", "redis_server"],
        "process": ["Server", "ServerError", "start"],
        "webhooks": ["WebhookReceiver", "webhook_receiver"],
        "vllm_process": ["ModelServer", "has_vllm", "vllm_program", "vllm_server"],
    },
)
