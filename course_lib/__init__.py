"""The small library behind the notebooks: stateful LLM chat with LangGraph, built up in the open.

Importing this package is cheap on purpose: LangGraph and LangChain are imported by the
packages that use them (`course_lib.namu`, `course_lib.chat`, ...), and only when you use them.
"""

__version__ = "0.1.0"
