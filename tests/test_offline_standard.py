"""LangChain's own standard tests for chat models, on the offline model.

What is switched off, and why:

* images, PDFs, audio, video: the model reads text only;
* VCR (`test_stream_time`): it records HTTP traffic, and there is none;
* start from environment variables (`test_init_from_env`): `chat_model()` reads those;
* LangChain's `dumps`/`loads` (`test_serdes`): its loader admits only classes of LangChain's own
  packages (`langchain_core.load.mapping`), and this model is not one of them.
"""

from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from course_lib.models import MODELS, OfflineChatModel


class Capabilities:
    chat_model_class = property(lambda self: OfflineChatModel)
    chat_model_params = property(lambda self: {})
    has_tool_calling = property(lambda self: True)
    has_tool_choice = property(lambda self: True)
    has_structured_output = property(lambda self: True)
    supports_json_mode = property(lambda self: True)
    returns_usage_metadata = property(lambda self: True)
    supports_anthropic_inputs = property(lambda self: True)
    supports_model_override = property(lambda self: True)
    model_override_value = property(lambda self: MODELS[1])


class TestUnit(Capabilities, ChatModelUnitTests):
    pass


class TestIntegration(Capabilities, ChatModelIntegrationTests):
    pass
