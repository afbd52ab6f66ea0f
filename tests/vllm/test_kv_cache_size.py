"""The sizing functions against what a real server reports of itself."""

import json
import shutil

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from course_lib.serving import vllm_server
from course_lib.settings import DATA
from course_lib.sizing import ModelShape, kv_bytes_per_token, kv_tokens

BYTES_EACH = 2 if shutil.which("nvidia-smi") else 4  # what vLLM computes in here


def reported(server):
    page = httpx.get(f"{server.url}/metrics", trust_env=False).text
    families = {family.name: family for family in text_string_to_metric_families(page)}
    return families["vllm:cache_config_info"].samples[0].labels


def per_token():
    config = json.loads((DATA / "models" / "namu-tiny" / "config.json").read_text())
    return kv_bytes_per_token(ModelShape.from_config(config), BYTES_EACH)


def test_the_kv_cache_holds_what_is_worked_out_to_the_last_token(server):
    told = reported(server)
    tokens = kv_tokens(2**30, per_token(), block=int(told["block_size"]))
    assert tokens == int(told["kv_cache_size_tokens"])
    assert tokens / 2048 == pytest.approx(float(told["kv_cache_max_concurrency"]), rel=1e-3)


def test_another_cache_holds_what_is_worked_out_too():
    with vllm_server(kv_gib=0.37, context=512, on_progress=None) as other:
        told = reported(other)
        tokens = kv_tokens(int(0.37 * 2**30), per_token(), block=int(told["block_size"]))
        assert tokens == int(told["kv_cache_size_tokens"])
