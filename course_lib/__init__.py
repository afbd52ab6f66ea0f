"""The small library behind the notebooks: stateful LLM chat with LangGraph, built up in the open.

Importing this package is cheap on purpose: LangGraph and LangChain are imported by the
modules that use them (`course_lib.namu`, `course_lib.offline`, ...), when you use them.
"""

__version__ = "0.1.0"
