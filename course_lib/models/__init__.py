"""The models: the offline chat model, a served one, the histories they accept, the embedding."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answer_stream": ["count_tokens"],
        "embedding_model": ["BundledEmbeddings", "embeddings"],
        "history_repair": ["close_open_tool_calls", "repaired_history"],
        "model_switch": ["ModelSwitch"],
        "offered": ["OfferedModels", "offered_models"],
        "offline": ["MODELS", "OfflineChatModel", "OfflineModelError"],
        "remote": ["RemoteChatModel"],
        "selection": ["chat_model", "model_name"],
        "served_embeddings": ["ServedEmbeddings"],
        "server_errors": ["ModelRequestError", "ModelServerError"],
        "tool_calls": [
            "CallsOfMessage",
            "InvalidChatHistory",
            "PairedCall",
            "open_tool_calls",
            "pair_tool_calls",
        ],
    },
)
