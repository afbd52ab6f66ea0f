"""The search of longer texts: what is cut, found, fused and stored, and how good it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding

from course_lib.models import embeddings
from course_lib.namu.retrieval import (
    FieldReranker,
    HybridIndex,
    Passage,
    PostgresIndex,
    QdrantIndex,
    RetrievalError,
    Source,
    cut,
    guide_passages,
    load_guides,
    ndcg,
    place_passages,
    recall_at,
)
from course_lib.namu.retrieval.hybrid_index import WAYS
from course_lib.namu.retrieval.passages import sentences
from course_lib.persistence import postgres
from course_lib.retrieval import fuse_scores, stretch, tokens
from course_lib.settings import DATA, ROOT

GUIDES = load_guides()


def lines_of(name):
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def passage(key, text, language="en", names=()):
    return Passage(
        key,
        key,
        language,
        key,
        text,
        (Source("page", f"https://example.org/{key}", "2026-11-27"),),
        words=text,
        meanings=(text,),
        fields=(text,),
        names=names,
    )


class Remembered:
    """The embedding of the course, which embeds the places once for both languages here."""

    vectors: ClassVar = {}

    def embed_documents(self, texts):
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        self.vectors.update(zip(new, embeddings().embed_documents(new), strict=True))
        return [self.vectors[text] for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


class Turned:
    """An embedding of the same size whose vectors mean something else."""

    model = "turned"

    def embed_documents(self, texts):
        return [vector[1:] + vector[:1] for vector in embeddings().embed_documents(texts)]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


class Short(Turned):
    model = "short"

    def embed_documents(self, texts):
        return [vector[:64] for vector in embeddings().embed_documents(texts)]


@pytest.fixture(scope="module")
def guides():
    return HybridIndex(guide_passages(), embeddings())


@pytest.fixture(scope="module")
def database(server):
    with postgres("passages", scratch=True) as running:
        yield running.url


FEW = [
    passage("bus", "Night buses run after midnight. Their numbers begin with N."),
    passage("tea", "A tea house in an old wooden house."),
    passage("버스", "심야버스는 자정부터 다닌다. 번호가 N으로 시작한다.", "ko"),
]


# --- the texts


def test_every_guide_names_a_page_that_was_opened_and_is_short():
    assert len(GUIDES) >= 30
    assert min(sum(g.language == each for g in GUIDES) for each in ("ko", "en")) >= 15
    for guide in GUIDES:
        assert guide.id.startswith(guide.language) and guide.title
        assert 140 <= len(guide.text.split()) <= 400, guide.id
        for source in guide.sources:
            assert re.match(r"https?://\S+\.\S+", source.url) and source.title, guide.id
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", source.opened), guide.id


def test_a_guide_is_written_in_its_language():
    for guide in GUIDES:
        hangul = len(re.findall("[\uac00-\ud7a3]", guide.text))
        assert (hangul > len(guide.text) / 3) == (guide.language == "ko"), guide.id


@pytest.mark.parametrize("change", [{"sources": []}, {"text": None, "extra": 1}])
def test_a_guide_without_a_source_or_with_a_wrong_field_is_refused(tmp_path, change):
    stored = json.loads((DATA / "guides" / "en-taxi.json").read_text(encoding="utf-8"))
    (tmp_path / "en-taxi.json").write_text(json.dumps({**stored, **change}), encoding="utf-8")
    with pytest.raises(RetrievalError, match=r"en-taxi\.json"):
        load_guides(tmp_path)


def test_every_question_has_an_answer_that_exists():
    questions = lines_of("guide_queries.jsonl")
    known = {guide.id for guide in GUIDES}
    assert [sum(q["lang"] == each for q in questions) for each in ("ko", "en")] == [20, 20]
    for each in questions:
        assert each["relevant"].keys() <= known and max(each["relevant"].values()) == 2


# --- passages


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ab가나 .!?\n", min_size=1, max_size=60), min_size=1, max_size=6),
    st.integers(1, 20),
)
def test_cutting_loses_no_word_and_mixes_no_paragraphs(paragraphs, most):
    text = "\n\n".join(paragraphs)
    if not text.strip():
        return
    parts = cut(text, most)
    assert " ".join(parts).split() == text.split()
    for part in parts:
        assert len(part.split()) <= most or len(sentences(part)) == 1


def test_a_passage_ends_at_the_end_of_a_sentence():
    for guide in GUIDES:
        for part in cut(guide.text):
            assert part[-1] in ".!?", (guide.id, part)
    assert cut("It is 3.5 km long. It ends there.", 5) == ["It is 3.5 km long.", "It ends there."]


@pytest.mark.soak
def test_a_text_of_one_word_is_one_passage_and_is_found():
    assert cut("Gimbap") == ["Gimbap"]
    one = passage("one", "김밥", "ko")
    index = HybridIndex([one], embeddings())
    for way in WAYS:
        assert [hit.passage for hit in index.search("김밥 어디", way=way)] in ([one], [])
    assert index.search("김밥")[0].passage == one
    with QdrantIndex.build([one], embeddings()) as stored:
        assert stored.search("김밥")[0].passage == one


@pytest.mark.parametrize(
    ("text", "most", "word"), [("", 60, "empty"), (" \n", 60, "empty"), ("a", 0, "0")]
)
def test_what_cannot_be_cut_is_refused_with_the_value(text, most, word):
    with pytest.raises(RetrievalError, match=word):
        cut(text, most)


# --- fusion


def test_stretched_scores_lie_between_0_and_1_and_keep_their_order():
    assert stretch({"a": 3, "b": 1, "c": 2}) == {"a": 1, "b": 0, "c": 0.5}
    assert stretch({"a": 3}, 0) == {"a": 1} and stretch({"a": 2}) == {"a": 1} and stretch({}) == {}


def test_a_fused_score_is_the_weighted_mean_and_a_missing_key_counts_0():
    fused = fuse_scores([{"a": 1.0, "b": 0.5}, {"b": 1.0}], [3, 1])
    assert fused == {"a": 0.75, "b": 0.625}
    assert fuse_scores([]) == {}
    with pytest.raises(ValueError):
        fuse_scores([{"a": 1.0}], [1, 2])


@pytest.mark.soak
def test_words_count_for_nothing_where_the_texts_do_not_have_them(guides):
    french = "où puis-je louer un vélo public"
    assert guides._words.coverage("") == guides._words.coverage("ѣѣѣ") == 0
    assert 0 <= guides._words.coverage(french) < guides._words.coverage("rent a public bicycle")


def test_the_name_of_a_guide_brings_it_first_in_both_languages(guides):
    for question, wanted in (
        ("홍대는 어떤 동네야?", "en-hongdae"),
        ("what is Seongsu-dong known for", "ko-seongsu-dong"),
        ("찜질방 어떻게 이용해?", "en-bathhouse"),
    ):
        assert guides.search(question, 1)[0].passage.document == wanted


def test_reranking_changes_the_order_of_the_first_only():
    reranker = FieldReranker(embeddings())
    keyed = {each.key: each for each in FEW}
    vector = embeddings().embed_query("a bus at night")
    scores = {"tea": 0.9, "bus": 0.8, "버스": 0.1}
    new = reranker.rerank(scores, keyed, vector, depth=2)
    assert set(new) == set(scores)
    assert new["bus"] > new["tea"] > new["버스"] == 0.1


# --- bad input


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused_by_every_index(guides, database, question):
    with QdrantIndex.build(FEW, embeddings()) as stored:
        for index in (guides, stored, PostgresIndex.build(FEW, embeddings(), database)):
            with pytest.raises(RetrievalError, match="question is empty"):
                index.search(question)


def test_a_question_in_a_third_language_is_searched_by_meaning(guides, database):
    asked = "レンタル自転車の借り方"  # how to rent a bicycle
    assert tokens(asked) == []
    assert guides.search(asked, 1)[0].passage.document == "ko-public-bike"
    with QdrantIndex.build(FEW, embeddings()) as stored:
        found = [stored, PostgresIndex.build(FEW, embeddings(), database)]
        for index in found:
            assert index.search("深夜バス", 1)[0].passage.document in ("bus", "버스")


@pytest.mark.parametrize(
    "question", ["'); DROP TABLE passages; --", "a & b | !c :*", "\\", "%s %(k)s"]
)
def test_a_question_is_data_and_never_a_part_of_the_statement(database, question):
    index = PostgresIndex.build(FEW, embeddings(), database)
    assert len(index.search(question, 10)) == len(FEW)


@pytest.mark.parametrize("text", ["...", "Это дворец.", "x" * 5000, "it's 'quoted' \\\\ tea"])
def test_a_document_of_odd_words_is_stored_and_found_by_every_index(database, text):
    odd = [passage("odd", text)]
    with QdrantIndex.build(odd, embeddings()) as stored:
        indexes = [HybridIndex(odd, embeddings()), stored]
        for index in (*indexes, PostgresIndex.build(odd, embeddings(), database)):
            for question in ("tea", "y" * 5000):
                assert [hit.passage.key for hit in index.search(question)] == ["odd"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": " "},
        {"meanings": ()},
        {"text": "te\0a"},
        {"title": "te\ud800a"},
        {"fields": ("\udfff",)},
    ],
)
def test_a_passage_that_no_index_can_store_is_refused_by_its_key(database, wrong):
    odd = [replace(passage("odd", "tea"), **wrong)]
    for build in (
        HybridIndex,
        QdrantIndex.build,
        lambda *given: PostgresIndex.build(*given, database),
    ):
        with pytest.raises(RetrievalError, match="The passage 'odd' has"):
            build(odd, embeddings())


def test_a_question_or_limit_that_makes_no_sense_is_refused_by_every_index(guides, database):
    with QdrantIndex.build(FEW, embeddings()) as stored:
        for index in (guides, stored, PostgresIndex.build(FEW, embeddings(), database)):
            for limit in (0, -1):
                with pytest.raises(RetrievalError, match=f"limit is {limit}"):
                    index.search("tea", limit)
            with pytest.raises(RetrievalError, match="no text"):
                index.search("tea \ud800")
    with pytest.raises(RetrievalError, match="no way 'by luck'"):
        guides.search("tea", way="by luck")


def test_an_embedding_that_returns_numbers_of_numpy_is_searched_in_postgres(database):
    index = PostgresIndex.build(FEW, DeterministicFakeEmbedding(size=16), database)
    assert len(index.search("tea", 10)) == len(FEW)


@pytest.mark.parametrize("damage", ["{", "[]", '{"collections": 3}'])
def test_a_damaged_folder_of_qdrant_gets_the_remedy(tmp_path, damage):
    (tmp_path / "meta.json").write_text(damage, encoding="utf-8")
    with pytest.raises(RetrievalError, match=r"damaged.*build it again"):
        QdrantIndex.open(tmp_path, embeddings())


def test_no_passages_or_two_with_one_key_are_refused():
    with pytest.raises(RetrievalError, match="no passages"):
        HybridIndex([], embeddings())
    with pytest.raises(RetrievalError, match="'tea'"):
        HybridIndex([FEW[1], FEW[1]], embeddings())


# --- stored indexes


def test_stored_indexes_find_what_was_stored_and_filter_by_language(tmp_path, database):
    QdrantIndex.build(FEW, embeddings(), tmp_path / "q").close()
    with QdrantIndex.open(tmp_path / "q", embeddings()) as stored:
        for index in (stored, PostgresIndex.build(FEW, embeddings(), database)):
            assert index.search("night bus", 1)[0].passage == FEW[0]
            assert [h.passage.key for h in index.search("night bus", language="ko")] == ["버스"]
        assert stored.search("night bus", 1, fusion="rank")[0].passage == FEW[0]
    PostgresIndex.build(FEW[:1], embeddings(), database)
    assert len(PostgresIndex(database, embeddings()).search("tea", 10)) == 1


def test_hnsw_with_a_filter_still_returns_enough(database):
    many = [passage(f"en{n}", f"night bus number {n}") for n in range(300)]
    many += [passage(f"ko{n}", f"도서관 {n}층", "ko") for n in range(10)]
    index = PostgresIndex.build(many, embeddings(), database)
    assert len(index.search("night bus", 5, language="ko")) == 5


@pytest.mark.parametrize("other", [Turned(), Short()], ids=lambda each: each.model)
def test_an_index_of_another_embedding_is_refused_and_not_searched(tmp_path, database, other):
    QdrantIndex.build(FEW, embeddings(), tmp_path / "q").close()
    PostgresIndex.build(FEW, embeddings(), database)
    with pytest.raises(RetrievalError, match=f"{other.model}.*build it again"):
        QdrantIndex.open(tmp_path / "q", other)
    with pytest.raises(RetrievalError, match=f"{other.model}.*build it again"):
        PostgresIndex(database, other)
    with QdrantIndex.open(tmp_path / "q", embeddings()) as stored:  # the refusal left it free
        assert stored.search("tea")


def test_an_index_that_is_not_there_names_the_way_to_make_one(tmp_path, server):
    with pytest.raises(RetrievalError, match=r"QdrantIndex\.build"):
        QdrantIndex.open(tmp_path / "none", embeddings())
    assert not (tmp_path / "none").exists()
    with postgres("empty", scratch=True) as empty:
        with pytest.raises(RetrievalError, match=r"PostgresIndex\.build"):
            PostgresIndex(empty.url, embeddings())


@pytest.mark.soak
def test_a_second_process_on_the_folder_gets_the_remedy(tmp_path):
    code = (
        "import sys\n"
        "from course_lib.models import embeddings\n"
        "from course_lib.namu.retrieval import QdrantIndex, RetrievalError\n"
        "try:\n"
        "    QdrantIndex.open(sys.argv[1], embeddings())\n"
        "except RetrievalError as error:\n"
        "    print(error)\n"
    )
    folder = str(tmp_path / "q")
    with QdrantIndex.build(FEW, embeddings(), folder) as first:
        done = subprocess.run(
            [sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True
        )
        assert "open already" in done.stdout and "PostgresIndex" in done.stdout, done.stderr
        assert first.search("tea")


# --- how good it is


def test_ndcg_rewards_the_better_order():
    relevant = {"a": 2, "b": 1}
    assert ndcg(["a", "b"], relevant) == 1 == ndcg(["a", "a", "b"], relevant)
    assert 0 < ndcg(["b", "a"], relevant) < 1 and ndcg(["x"], relevant) == 0
    assert ndcg(["x", "a"], {"a": 1}, k=1) == 0
    assert recall_at(["a", "x"], relevant) == 0.5
    with pytest.raises(ValueError):
        ndcg(["a"], {})


def quality(index, questions, way):
    found = []
    for each in questions:
        relevant = each.get("relevant") or dict.fromkeys(each.get("gold", ()), 1)
        hits = index.search(each["query"], 60, way=way)
        found.append(ndcg([hit.passage.document for hit in hits], relevant))
    return sum(found) / len(found)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("texts", ["guides", pytest.param("places", marks=pytest.mark.soak)])
def test_the_fused_search_keeps_its_bar_and_is_no_worse_than_its_parts(guides, texts, language):
    if texts == "guides":
        index, asked = guides, lines_of("guide_queries.jsonl")
    else:
        index, asked = (
            HybridIndex(place_passages(language), Remembered()),
            lines_of("retrieval.jsonl"),
        )
        asked = [each for each in asked if each["answers"] == "several"]
    asked = [each for each in asked if each["lang"] == language]
    got = {way: quality(index, asked, way) for way in ("words", "meaning", "by score")}
    assert got["by score"] >= 0.65, got
    assert got["by score"] >= max(got["words"], got["meaning"]) - 0.02, got
