"""The numbers of `run.py retrieval` and its companions, printed as one line of JSON.

Run by that, not by hand. The first argument says what is measured: `quality`, `time` or `compare`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from course_lib.models import embeddings
from course_lib.namu.retrieval import (
    Hit,
    HybridIndex,
    Passage,
    PostgresIndex,
    QdrantIndex,
    guide_passages,
    ndcg,
    place_passages,
    recall_at,
)
from course_lib.namu.retrieval.hybrid_index import WAYS
from course_lib.persistence import postgres
from course_lib.places import load_places
from course_lib.retrieval import LexicalIndex, VectorIndex, best_first, fuse, place_text
from course_lib.settings import DATA

DEPTH = 60
"""How many passages are asked for; the documents they belong to are ranked."""

Search = Callable[[str], list[Hit]]


def questions(kind: str, language: str) -> list[tuple[str, dict[str, int]]]:
    """Return the questions of a kind with the graded answers to each."""
    name = "guide_queries.jsonl" if kind == "guides" else "retrieval.jsonl"
    lines = map(json.loads, (DATA / name).read_text(encoding="utf-8").splitlines())
    wanted = [q for q in lines if q["lang"] == language and q.get("answers", kind) == kind]
    return [(q["query"], q.get("relevant") or dict.fromkeys(q["gold"], 1)) for q in wanted]


def searches(passages: Sequence[Passage], stack: ExitStack) -> Iterator[tuple[str, Search]]:
    """Yield every way to search passages, with its name."""
    memory = HybridIndex(passages, embeddings())
    memory.reranker.prepare(passages)
    for way in WAYS:
        yield way, partial(memory.search, limit=DEPTH, way=way)
    qdrant = stack.enter_context(QdrantIndex.build(passages, embeddings()))
    for fusion in ("rank", "score"):
        yield f"Qdrant by {fusion}", partial(qdrant.search, limit=DEPTH, fusion=fusion)
    server = stack.enter_context(postgres("retrieval", scratch=True))
    stored = PostgresIndex.build(passages, embeddings(), server.url)
    yield "PostgreSQL by rank", partial(stored.search, limit=DEPTH)


def _passages(kind: str, language: str) -> list[Passage]:
    return guide_passages() if kind == "guides" else place_passages(language)


def quality() -> dict[str, dict[str, list[float]]]:
    """Return mean nDCG@10 and recall@10 by kind of question, language and way to search."""
    told: dict[str, dict[str, list[float]]] = {}
    for language in ("ko", "en"):
        for kinds in (("several", "one"), ("guides",)):
            with ExitStack() as stack:
                for way, search in searches(_passages(kinds[0], language), stack):
                    for kind in kinds:
                        gains, found = [], []
                        for question, relevant in questions(kind, language):
                            ids = [hit.passage.document for hit in search(question)]
                            gains.append(ndcg(ids, relevant))
                            found.append(recall_at(ids, relevant))
                        means = [statistics.mean(gains), statistics.mean(found)]
                        told.setdefault(f"{kind} {language}", {})[way] = means
    return told


def times() -> dict[str, float]:
    """Return the median seconds of a question to the places, by way to search."""
    told: dict[str, float] = {}
    with ExitStack() as stack:
        asked = [question for kind in ("several", "one") for question, _ in questions(kind, "ko")]
        for way, search in searches(_passages("several", "ko"), stack):
            search(asked[0])
            taken = []
            for question in asked:
                began = time.perf_counter()
                search(question)
                taken.append(time.perf_counter() - began)
            told[way] = statistics.median(taken)
    return told


def compare() -> dict[str, list[float]]:
    """Return nDCG@10 on Korean questions with pairs of syllables and with kiwipiepy's words.

    For each: by words alone, and fused by rank with the embedding.
    """
    from kiwipiepy import Kiwi

    kiwi = Kiwi()

    def words(text: str) -> list[str]:
        """Cut a text into the words that carry meaning, without particles and endings."""
        kept = ("N", "V", "M", "XR", "SL", "SN")
        return [t.form.lower() for t in kiwi.tokenize(text) if t.tag.startswith(kept)]

    texts = {place.id: place_text(place, "ko") for place in load_places()}
    meaning = VectorIndex(texts, embeddings())
    told: dict[str, list[float]] = {}
    for name, cut in (("pairs of syllables", None), ("kiwipiepy", words)):
        index = LexicalIndex(texts, cut)
        for kind in ("several", "one"):
            alone, fused = [], []
            for question, relevant in questions(kind, "ko"):
                ranked = best_first(index.scores(question))
                alone.append(ndcg(ranked, relevant))
                fused.append(ndcg(fuse([ranked, meaning.rank(question)]), relevant))
            told[f"{kind} {name}"] = [statistics.mean(alone), statistics.mean(fused)]
    return told


if __name__ == "__main__":
    measured: dict[str, Callable[[], Any]] = {"quality": quality, "time": times, "compare": compare}
    print(json.dumps(measured[sys.argv[1]]()))
