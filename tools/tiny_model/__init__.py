"""The tiny model: its dialogues, its training, its evaluation and its card.

`train` and `evaluate` need torch, so they run in the environment that `make vllm` builds.
"""
