"""Which chat model answers: the offline one, or a server that the environment names."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "offline": [
            "MODELS",
            "InvalidChatHistory",
            "OfflineChatModel",
            "OfflineModelError",
            "count_tokens",
        ],
        "remote": ["ModelServerError", "RemoteChatModel"],
        "selection": ["chat_model", "model_name"],
    },
)
