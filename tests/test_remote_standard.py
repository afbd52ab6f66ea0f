"""LangChain's own standard tests for chat models, on a served model (`tests/openai_server.py`).

What is switched off, and why:

* images, PDFs, audio, video: the model behind the server reads text only;
* VCR (`test_stream_time`): it records the traffic with one hosted service, to be played back; here
  the server itself runs in the test;
* start from environment variables (`test_init_from_env`): `chat_model()` reads those, and
  `tests/test_models.py` tests it;
* LangChain's `dumps`/`loads` (`test_serdes`): its loader admits only classes of LangChain's own
  packages (`langchain_core.load.mapping`), and this model is not one of them.
"""

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from openai_server import openai_server

from course_lib.models import MODELS, RemoteChatModel


class Capabilities:
    server = None

    @pytest.fixture(autouse=True, scope="class")
    def _serve(self, request):
        with openai_server() as request.cls.server:
            yield

    chat_model_class = property(lambda self: RemoteChatModel)
    has_tool_calling = property(lambda self: True)
    has_tool_choice = property(lambda self: True)
    has_structured_output = property(lambda self: True)
    supports_json_mode = property(lambda self: True)
    returns_usage_metadata = property(lambda self: True)
    supports_model_override = property(lambda self: True)
    model_override_value = property(lambda self: MODELS[1])

    @property
    def chat_model_params(self):
        address = self.server.url if self.server else "http://127.0.0.1:9/v1"
        return {
            "base_url": address,
            "model": MODELS[0],
            "api_key": "any",
            "stream_usage": True,
            "max_retries": 0,
        }


class TestUnit(Capabilities, ChatModelUnitTests):
    pass


class TestIntegration(Capabilities, ChatModelIntegrationTests):
    pass
