"""Text to tokens: the tokenizer, the chat template, and batches of dialogues as tensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tools.tiny_model.dialogues import Dialogue, DialogueMaker
from tools.tiny_model.places import PRICE_WORDS
from tools.tiny_model.recipe import Recipe

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
PAD, END = "<|pad|>", "<|end|>"
ROLES = ("<|user|>", "<|assistant|>", "<|tool|>", "<|tools|>")
CALLS = ("<tool_call>", "</tool_call>")
WORDS = Regex(r" ?\p{Ll}[\p{L}\p{M}_-]*|\p{L}[\p{L}\p{M}_-]*|\p{N}| ?[^\s\p{L}\p{N}]+|\s+")
"""How text is cut before pairs are merged: words, single digits, runs of marks, spaces. A blank
belongs to the word behind it only where that begins with a small letter: a name is the same tokens
in a table, behind a quotation mark and at the start of a sentence, and so can be copied."""
POOL = 32
"""Batches drawn at once, so that examples of a like length can go together."""


def train_tokenizer(recipe: Recipe, dialogues: int = 20_000) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE vocabulary from dialogues.

    Args:
        recipe: its seed and vocabulary.
        dialogues: how many to learn from.

    Returns:
        A tokenizer that knows the chat template.
    """
    maker = DialogueMaker(f"{recipe.seed}-words")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(WORDS, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary - len(CALLS),
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((_plain(maker.any()) for _ in range(dialogues)), trainer)
    # Not special: a parser of tool calls must find them in the text.
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in CALLS])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        model_max_length=recipe.context,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return wrapped


def _plain(dialogue: Dialogue) -> str:
    """All words of a dialogue, as the template would show them, without markers."""
    texts = []
    for message in dialogue.messages:
        for call in message.get("tool_calls", ()):
            texts.append(json.dumps(call["function"], ensure_ascii=False))
        if message["role"] == "tool" and message["content"].startswith("["):
            for n, place in enumerate(json.loads(message["content"]), 1):
                fields = ("category", "district", "name_ko", "name_en")
                told = [
                    *(place[field] for field in fields),
                    PRICE_WORDS["en"][place["price_level"]],
                ]
                texts.append(" ".join(f"{n}{word}" for word in told))
        else:
            texts.append(message["content"])
    return "\n".join(texts)


def described(tools: tuple[str, ...]) -> list[dict[str, Any]] | None:
    """The tools of a dialogue as the template gets them: it uses nothing but their names."""
    return [{"type": "function", "function": {"name": name}} for name in tools] or None


def rendered(tokenizer: PreTrainedTokenizerFast, dialogue: Dialogue) -> str:
    """Return the whole dialogue as the model sees it."""
    return tokenizer.apply_chat_template(
        dialogue.messages, tools=described(dialogue.tools), tokenize=False
    )


class Examples:
    """Batches of dialogues as tensors; batch n is always the same one.

    Args:
        tokenizer: turns text into tokens.
        recipe: the seed, the size of a batch and the weight of a prompt.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
        self.tokenizer, self.recipe = tokenizer, recipe
        mark = tokenizer.convert_tokens_to_ids
        self.user, self.assistant, self.end = mark("<|user|>"), mark("<|assistant|>"), mark(END)
        tokens = (tokenizer.decode([number]) for number in range(len(tokenizer)))
        self.pieces = [token for token in tokens if len(token) > 1 and token.isalpha()]

    def batches(self, first: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield `(ids, weights)` from batch `first` on, each of shape `[batch, length]`."""
        pool = first // POOL
        skip = first % POOL
        while True:
            begin, _, _ = self.recipe.stretch(pool * POOL)
            prompt = 0.0 if begin else self.recipe.prompt_weight
            yield from self._pool(pool, prompt)[skip:]
            pool, skip = pool + 1, 0

    def _pool(self, number: int, prompt: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
        maker = DialogueMaker(f"{self.recipe.seed}-{number}", pieces=self.pieces)
        texts = [rendered(self.tokenizer, maker.any()) for _ in range(POOL * self.recipe.batch)]
        tokens = sorted(self.tokenizer(texts)["input_ids"], key=len)
        size = self.recipe.batch
        groups = [tokens[n : n + size] for n in range(0, len(tokens), size)]
        maker.rng.shuffle(groups)
        return [self._tensors(group, prompt) for group in groups]

    def _tensors(self, group: list[list[int]], prompt: float) -> tuple[torch.Tensor, torch.Tensor]:
        length = max(map(len, group))
        ids = torch.zeros(len(group), length, dtype=torch.long)  # 0 is the padding
        weights = torch.zeros(len(group), length)
        for row, tokens in enumerate(group):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            weights[row, : len(tokens)] = torch.tensor(self._weights(tokens, prompt))
        return ids, weights

    def _weights(self, tokens: list[int], prompt: float) -> list[float]:
        """1 for what the model says after the last `<|user|>`, `prompt` for the rest."""
        asked = len(tokens) - 1 - tokens[::-1].index(self.user)
        # One token in four of the prompt counts four times: the same, for less work.
        weights, saying = [], False
        for n, token in enumerate(tokens):
            given = 4 * prompt if n % 4 == len(tokens) % 4 else 0.0
            weights.append(1.0 if saying else given)
            if n > asked:
                saying = token == self.assistant or (saying and token != self.end)
        return weights
