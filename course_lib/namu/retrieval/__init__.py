"""Searching longer texts, and answering from them with sources that are checked."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers": ["CheckedAnswer", "check_answer", "check_sources"],
        "guides": ["Guide", "guide_passages", "load_guides"],
        "guides_tool": ["guides_tool"],
        "hybrid_index": ["HybridIndex"],
        "identity": ["embedding_identity"],
        "passages": ["Hit", "Passage", "PassageIndex", "Source", "cut"],
        "place_passages": ["place_passages"],
        "postgres_index": ["PostgresIndex"],
        "qdrant_index": ["QdrantIndex"],
        "quality": ["ndcg", "recall_at"],
        "reranking": ["FieldReranker"],
        "retrieval_error": ["RetrievalError"],
    },
)
