"""A project for a LangGraph server, to read and to copy: chapter 12 serves it."""
