"""The cells of a notebook that shows a chat panel on Namu."""

IMPORTS = """
from contextlib import ExitStack
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import interrupt
from course_lib.namu import book_place
from course_lib.chat import ChatPanel
from course_lib.persistence import open_checkpointer
from course_lib.namu import build_namu
from course_lib.models import OfflineChatModel
from course_lib.persistence import open_store
"""
PANEL = """
model = OfflineChatModel(tokens_per_second={speed})
memory = {{"checkpointer": InMemorySaver(), "store": InMemoryStore()}}
panel = ChatPanel(build_namu(model=model, **memory, tools=[book_place]))
panel.show()
"""
