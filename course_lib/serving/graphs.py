"""The graphs that a LangGraph server serves, as `langgraph.json` names them.

A server brings its own checkpointer, so these are compiled without one.
"""

from course_lib.namu import build_namu

namu = build_namu()
