"""The numbers of `run.py recall`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

from langgraph.store.base import PutOp

from course_lib.models import embeddings
from course_lib.namu import recall
from course_lib.namu.memory import page_of
from course_lib.persistence import open_store
from course_lib.places import load_places
from course_lib.retrieval import LexicalIndex, VectorIndex, fuse, place_text
from course_lib.settings import DATA

FIRST = 3
"""Among how many places the right one must be."""

ENTRIES = 10_000
"""How many memories lie in the store, of `PEOPLE` people."""

PEOPLE = 100


def searches() -> dict[str, list[int]]:
    """Return hits and questions by the kind of question, language and search."""
    lines = (DATA / "retrieval.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    counts: dict[str, list[int]] = {}
    for language in ("ko", "en"):
        texts = {place.id: place_text(place, language) for place in load_places()}
        words, meaning = LexicalIndex(texts), VectorIndex(texts, embeddings())
        for each in questions:
            if each["lang"] != language:
                continue
            rankings = {"words": words.rank(each["query"]), "meaning": meaning.rank(each["query"])}
            rankings["fused"] = fuse(list(rankings.values()))
            for name, ranking in rankings.items():
                count = counts.setdefault(f"{each['answers']} {language} {name}", [0, 0])
                count[0] += bool(set(ranking[:FIRST]) & set(each["gold"]))
                count[1] += 1
    return counts


def memories(url: str) -> dict[str, float]:
    """Recall from 10,000 memories of 100 people: by key, and by meaning, right and how long."""
    places = load_places()
    index = {"embed": embeddings(), "fields": ["text"]}
    with open_store(url, index=index) as store:
        puts = []
        for n in range(ENTRIES):
            place = places[n % len(places)]
            value = {"text": f"{n} liked {place.name_en}: {place.summary_en}", "n": n}
            puts.append(PutOp(page_of(f"user-{n % PEOPLE}"), f"m{n}", value))
        for begin in range(0, ENTRIES, 500):  # one by one, the writing takes minutes
            store.batch(puts[begin : begin + 500])
        right, by_key, by_meaning = 0, [], []
        for person in range(PEOPLE):
            user = f"user-{person}"
            began = time.perf_counter()
            known = recall(store, user)
            by_key.append(time.perf_counter() - began)
            complete = {v["n"] for v in known.values()} == set(range(person, ENTRIES, PEOPLE))
            wanted = known[f"m{person + 10 * PEOPLE}"]
            began = time.perf_counter()
            found = recall(store, user, wanted["text"], limit=FIRST)
            by_meaning.append(time.perf_counter() - began)
            right += complete and wanted in found.values()
    return {
        "right": right / PEOPLE,
        "by key": statistics.median(by_key),
        "by meaning": statistics.median(by_meaning),
    }


def first_use() -> float:
    """Return the seconds that `embeddings()` and its first vector add to a running program."""
    code = (
        "import time, langchain_core.embeddings; began = time.perf_counter()\n"
        "from course_lib.models import embeddings\n"
        "embeddings().embed_query('Seoul'); print(time.perf_counter() - began)"
    )
    command = [sys.executable, "-c", code]
    taken = [
        float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(5)
    ]
    return statistics.median(taken)


def main() -> None:
    """Measure everything and print it."""
    told: dict[str, object] = {"first use": first_use()}
    told["searches"] = searches()
    with tempfile.TemporaryDirectory() as folder:
        told["memories"] = memories(f"sqlite:///{folder}/memories.db")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
