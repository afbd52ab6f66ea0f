"""What the LangGraph server serves to the page: Namu, who may book. Replace it by your own graph.

The server brings its own checkpointer and store, so the graph is compiled without them. The thread
of a conversation carries its owner as `user` in its metadata, and the server hands it to each run.
"""

from course_lib.namu import book_place, build_namu

namu = build_namu(tools=[book_place])
