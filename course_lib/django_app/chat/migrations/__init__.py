"""The tables of the chat, step by step."""
