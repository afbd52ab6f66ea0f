"""The chat: conversations of people, kept as threads of a LangGraph server."""
