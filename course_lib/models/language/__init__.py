"""How the offline model reads a message and words its answer."""
