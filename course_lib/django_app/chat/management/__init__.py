"""Commands of the chat, for `manage.py` or `python -m`."""
