"""Sizing functions: published files, vLLM's own report, and what cannot be."""

from __future__ import annotations

import json
import math

import pytest

from course_lib.settings import DATA
from course_lib.sizing import (
    LoadPoint,
    ModelShape,
    OwnServer,
    SizingError,
    Workload,
    best_within,
    break_even_turns,
    cost_per_1000_turns,
    in_flight,
    kv_bytes_per_token,
    kv_space,
    kv_tokens,
    published_models,
    request_seconds,
    servers_needed,
    split_heads,
    token_cost,
    weight_bytes,
)

MODELS = {model.name: model for model in published_models()}
EIGHT = MODELS["meta-llama/Llama-3.1-8B-Instruct"]
SEVENTY = MODELS["meta-llama/Llama-3.1-70B"]
TINY = DATA / "models" / "namu-tiny"
DAY = Workload(1000, 6, 0.2, 3, 500, 40)
POINTS = [
    LoadPoint(16, 30, 0.4, 0.9, 3),
    LoadPoint(1, 4, 0.2, 0.3),
    LoadPoint(32, 28, 0.8, 2.0, 16),
    LoadPoint(8, 24, 0.3, 0.5),
]


def tiny():
    return ModelShape.from_config(json.loads((TINY / "config.json").read_text()))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_weights_of_a_published_model_are_what_its_files_are(model):
    counted = weight_bytes(model.shape, model.bits)
    # An index names the numbers alone; a file has a header; a hub's page shows three digits.
    apart = 1e-5 if model.exact else 2e-3
    assert counted == pytest.approx(model.bytes, rel=apart)
    assert model.source


def test_there_are_five_models_or_more_in_three_widths():
    assert len(MODELS) >= 5 and {model.bits for model in MODELS.values()} == {16, 8, 4}


def test_the_weights_of_the_tiny_model_are_what_its_file_is():
    file = (TINY / "model.safetensors").stat().st_size
    numbers = weight_bytes(tiny(), 32)
    header = int.from_bytes((TINY / "model.safetensors").read_bytes()[:8], "little")
    assert file == numbers + header + 8


def test_four_bits_keep_embedding_and_head_at_sixteen():
    tables = 2 * EIGHT.shape.vocabulary * EIGHT.shape.hidden
    quarter = weight_bytes(EIGHT.shape, 16) / 4
    assert weight_bytes(EIGHT.shape, 4) > quarter + 2 * tables * 3 / 4
    assert weight_bytes(EIGHT.shape, 4, group=32) > weight_bytes(EIGHT.shape, 4)


def test_vllm_reports_the_same_number_of_tokens():
    """What the log of vLLM 0.32.0 says for the tiny model with 1 GiB; tests/vllm asks again."""
    assert kv_bytes_per_token(tiny(), 4) == 3072
    assert kv_tokens(2**30, 3072, block=128) == 349_440


def test_a_token_takes_less_with_fewer_heads_and_smaller_numbers():
    assert kv_bytes_per_token(EIGHT.shape) == 131_072
    assert kv_bytes_per_token(EIGHT.shape, 1) == 65_536
    assert kv_bytes_per_token(MODELS["Qwen/Qwen2.5-7B-Instruct"].shape) == 57_344


@pytest.mark.parametrize(
    ("gpus", "heads", "kv_heads", "copies"),
    [(1, 64, 8, 1), (2, 32, 4, 1), (8, 8, 1, 1), (16, 4, 1, 2), (64, 1, 1, 8)],
)
def test_heads_are_divided_and_beyond_them_copied(gpus, heads, kv_heads, copies):
    split = split_heads(SEVENTY.shape, gpus)
    assert (split.heads, split.kv_heads, split.copies) == (heads, kv_heads, copies)


def test_copied_heads_bring_no_more_tokens_for_the_same_memory():
    eight, sixteen = (kv_space(SEVENTY.shape, SEVENTY.bytes, 80e9, gpus=gpus) for gpus in (8, 16))
    per_byte = [space.tokens / space.bytes_each for space in (eight, sixteen)]
    assert per_byte[0] == pytest.approx(per_byte[1], rel=1e-4)


def test_70b_in_16_bits_needs_more_than_two_gpus_of_80_gb_for_a_crowd():
    assert kv_space(SEVENTY.shape, SEVENTY.bytes, 80e9).tokens == 0
    assert kv_space(SEVENTY.shape, SEVENTY.bytes, 80e9, gpus=2).conversations(4096) == 4
    assert kv_space(SEVENTY.shape, SEVENTY.bytes, 80e9, gpus=4).conversations(4096) == 114


def test_a_workload_is_counted_at_its_busiest_hour():
    assert DAY.turns_per_day == 6000 and DAY.turns_per_month(20) == 120_000
    assert DAY.peak_turns == pytest.approx(1200 / 3600)
    assert DAY.peak_requests == pytest.approx(1.0)
    assert request_seconds(500, 40, prefill=1000, decode=80) == pytest.approx(1.0)
    assert in_flight(3, 0.5) == 1.5


def test_the_best_load_is_the_fastest_that_keeps_the_limit_and_not_the_highest():
    assert best_within(POINTS, 1.0).at_once == 16
    assert best_within(POINTS, 5.0).at_once == 16
    assert best_within(POINTS, 0.9).at_once == 16  # on the limit
    assert best_within(POINTS, 0.89).at_once == 8
    with pytest.raises(SizingError, match=r"No load keeps 0\.1 s: the fastest p95 is 0\.3 s"):
        best_within(POINTS, 0.1)


@pytest.mark.parametrize(
    ("need", "each", "headroom", "spare", "wanted"),
    [(1, 100, 0.4, 1, 2), (60, 100, 0.4, 1, 2), (60.1, 100, 0.4, 1, 3), (30, 10, 0, 0, 3)],
)
def test_servers_are_rounded_up_and_one_is_spare(need, each, headroom, spare, wanted):
    assert servers_needed(need, each, headroom=headroom, spare=spare) == wanted


def test_a_thousand_turns_cost_the_same_both_ways_at_the_break_even():
    server = OwnServer(36_000, 36, 1000, 0.2, 54)
    assert server.electricity == pytest.approx(146)
    assert server.per_month(2, staff=100) == pytest.approx(2 * 1200 + 100)
    by_token = token_cost(DAY, prompt_price=1, answer_price=4)
    assert by_token == pytest.approx(3 * (500 + 160) / 1000)
    turns = break_even_turns(server.per_month(2), by_token)
    assert cost_per_1000_turns(server.per_month(2), turns) == pytest.approx(by_token)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: weight_bytes(EIGHT.shape, 5), r"bits is 5\. Give one of 32, 16, 8, 4"),
        (lambda: weight_bytes(EIGHT.shape, 4, group=0), "group is 0"),
        (lambda: kv_bytes_per_token(EIGHT.shape, -2), "bytes_each is -2"),
        (lambda: kv_tokens(-1, 3072), "memory is -1"),
        (lambda: kv_tokens(1e9, 0), "per_token is 0"),
        (lambda: kv_tokens(1e9, 3072, block=0), "block is 0"),
        (lambda: split_heads(SEVENTY.shape, 3), r"64 query heads .* 3 GPUs.* 1, 2, 4, 8, 16"),
        (lambda: split_heads(ModelShape(2, 96, 96, 12, 4, 8, 100), 6), "4 key-value heads and 6"),
        (lambda: split_heads(SEVENTY.shape, 0), "gpus is 0"),
        (lambda: split_heads(SEVENTY.shape, 2.0), r"gpus is 2\.0.*whole number"),
        (lambda: kv_space(SEVENTY.shape, -1, 80e9), "weights is -1"),
        (lambda: kv_space(SEVENTY.shape, 1e9, 80e9, use=1.2), r"use is 1\.2\. Give a share"),
        (lambda: kv_space(SEVENTY.shape, 1e9, 80e9).conversations(0), "tokens is 0"),
        (lambda: ModelShape(0, 8, 8, 2, 2, 4, 10), "layers is 0"),
        (lambda: ModelShape(1, 8, 8, 6, 4, 4, 10), "6 query heads cannot share 4"),
        (lambda: ModelShape.from_config({"model_type": "mamba"}), "model_type is 'mamba'"),
        (lambda: ModelShape.from_config({"model_type": "llama"}), "no 'num_attention_heads'"),
        (lambda: Workload(-5, 6, 0.2, 3, 500, 40), "people_per_day is -5"),
        (lambda: Workload(5, 6, 20, 3, 500, 40), r"busy_hour_share is 20\. .*20 of 100"),
        (lambda: Workload(5, 6, 0.2, 3, 500, math.nan), "answer_tokens is nan"),
        (lambda: Workload(5, 6, 0.2, 3, "500", 40), "prompt_tokens is '500'"),
        (lambda: DAY.turns_per_month(0), "days is 0"),
        (lambda: request_seconds(-1, 1, prefill=1, decode=1), "prompt_tokens is -1"),
        (lambda: request_seconds(1, 1, prefill=0, decode=1), "prefill is 0"),
        (lambda: LoadPoint(0, 1, 1, 1), "at_once is 0"),
        (lambda: LoadPoint(1, 1, 1, 1, -1), "waiting is -1"),
        (lambda: best_within([], 1), "no measured load"),
        (lambda: best_within(POINTS, 0), "limit is 0"),
        (lambda: servers_needed(0, 10), "requests_per_second is 0"),
        (lambda: servers_needed(1, 10, headroom=1), "headroom is 1"),
        (lambda: servers_needed(1, 10, headroom=-0.1), r"headroom is -0\.1"),
        (lambda: servers_needed(1, 10, spare=-1), "spare is -1"),
        (lambda: in_flight(1, -1), "seconds is -1"),
        (lambda: OwnServer(-1, 36, 1, 1), "price is -1"),
        (lambda: OwnServer(1, 0, 1, 1), "months is 0"),
        (lambda: OwnServer(1, 36, 1, 1).per_month(0), "servers is 0"),
        (lambda: cost_per_1000_turns(1, 0), "turns_per_month is 0"),
        (lambda: token_cost(DAY, prompt_price=-1, answer_price=0), "prompt_price is -1"),
        (lambda: break_even_turns(1, 0), "per_1000_turns is 0"),
        (lambda: break_even_turns(-1, 1), "per_month is -1"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value(call, says):
    with pytest.raises(SizingError, match=says):
        call()


def test_the_stored_load_of_chapter_16_fits_its_own_numbers():
    stored = json.loads((DATA / "load_namu_tiny.json").read_text(encoding="utf-8"))
    requests = [request for _, turn in stored["dialogue"] for request in turn]
    assert stored["prompt_tokens"] == round(sum(p for p, _ in requests) / len(requests))
    assert stored["answer_tokens"] == round(sum(a for _, a in requests) / len(requests))
    closed = [LoadPoint(**point) for point in stored["closed"]]
    assert [point.at_once for point in closed] == [1, 2, 4, 8, 16, 32, 64]
    assert all(point.median <= point.p95 for point in closed)
    # What does not fit into the batch waits: the queue is seen under load, and only there.
    assert closed[0].waiting == 0 and closed[-1].waiting > 64 - 2 * stored["sequences"]
    cache = stored["kv_cache"]
    assert cache["tokens"] == kv_tokens(cache["gib"] * 2**30, 3072, block=cache["block"])
