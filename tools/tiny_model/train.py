"""Training namu-tiny from nothing: its tokenizer, and then its weights.

    make train

Runs on two CPU threads or a GPU and goes on where it was stopped. The same recipe sees the same
dialogues in the same order; the last digits of a sum depend on the machine and its threads. What
is learned is in `dialogues`; what the model sees of a dialogue is in `chat_template.jinja`.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from course_lib.settings import DATA
from tools.tiny_model.recipe import Recipe
from tools.tiny_model.tokens import Examples, train_tokenizer

HOME = DATA / "models" / "namu-tiny"
"""Where the trained model lies."""


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return a Llama of the recipe's shape with random weights."""
    torch.manual_seed(recipe.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.hidden,
            intermediate_size=recipe.intermediate,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            num_key_value_heads=recipe.kv_heads,
            max_position_embeddings=recipe.context,
            tie_word_embeddings=True,
            attn_implementation="eager",  # a step takes 0.34 s with it and 0.45 s without, on a CPU
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def optimizers_for(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices between the layers, AdamW for the embedding and the norms.

    Measured on the first 150 s of this training, on one thread: loss 1.00 with Muon, 1.08 with
    AdamW alone.
    """
    matrices = [w for name, w in model.named_parameters() if w.ndim == 2 and "embed" not in name]
    own = {id(weights) for weights in matrices}
    rest = [weights for weights in model.parameters() if id(weights) not in own]
    return [
        torch.optim.Muon(
            matrices, lr=recipe.rates[0][1], weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(rest, lr=recipe.rates[0][1], betas=(0.9, 0.98), weight_decay=0.0),
    ]


def loss_of(model: LlamaForCausalLM, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The weighted mean of what the model misses, over the tokens that have a weight.

    Args:
        model: predicts each token from those before it.
        ids: tokens, shape `[batch, length]`.
        weights: how much each of them counts, of the same shape.
    """
    with torch.autocast(ids.device.type, torch.bfloat16):
        hidden = model.model(ids, use_cache=False).last_hidden_state[:, :-1]
        counted = weights[:, 1:] > 0
        logits = model.lm_head(hidden[counted])
    each = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][counted], reduction="none")
    weight = weights[:, 1:][counted]
    return (each * weight).sum() / weight.sum()


def rate_at(step: int, recipe: Recipe) -> float:
    """The learning rate of a step: up in a line, down as a cosine to a hundredth, and so again.

    From the second time on these are warm restarts: https://arxiv.org/abs/1608.03983.
    """
    begin, end, peak = recipe.stretch(step)
    steps, step = end - begin, step - begin
    if step < recipe.warm_up:
        return peak * (step + 1) / recipe.warm_up
    done = (step - recipe.warm_up) / max(1, steps - recipe.warm_up)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def train(
    recipe: Recipe,
    out: Path,
    work: Path,
    *,
    save_every: int = 250,
    device: str = "cpu",
    compiled: bool = False,
) -> None:
    """Train the model, or go on with a training that was stopped.

    Args:
        recipe: what to train. A stopped training of another recipe is not gone on with.
        out: the folder that gets the model, its tokenizer and `training.json`.
        work: the folder for what is needed to go on: weights and the optimiser's state.
        save_every: steps between two of these.
        device: `cpu` or `cuda`.
        compiled: whether torch compiles the model first, which takes a minute and a C++ compiler
            and makes a step a fifth shorter.

    Raises:
        ValueError: `work` holds a training of another recipe.
    """
    work.mkdir(parents=True, exist_ok=True)
    saved = work / "training.pt"
    state = torch.load(saved, weights_only=False, map_location="cpu") if saved.exists() else None
    if state and state["recipe"] != asdict(recipe):
        raise ValueError(
            f"{saved} holds a training of another recipe ({state['recipe']}). Remove the folder "
            f"{work} to start again, or ask for that recipe."
        )
    if state:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(work)
    else:
        tokenizer = train_tokenizer(recipe)
        tokenizer.save_pretrained(work)
    model = new_model(recipe, tokenizer).to(device)
    optimizers = optimizers_for(model, recipe)
    first, seconds, tokens = 0, 0.0, 0
    curve: list[tuple[int, float]] = []
    if state:
        model.load_state_dict(state["model"])
        for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        first, seconds, tokens = state["step"], state["seconds"], state["tokens"]
        curve = state["curve"]
    if state and first >= recipe.steps:  # it may have been stopped while it wrote the model
        save(model, tokenizer, out, state)
        return
    if compiled:
        model.model.compile(dynamic=True)
    batches = Examples(tokenizer, recipe).batches(first)
    losses: list[float] = []
    began = time.monotonic() - seconds
    bar = tqdm(range(first, recipe.steps), initial=first, total=recipe.steps, unit="step")
    for step in bar:
        ids, weights = (tensor.to(device) for tensor in next(batches))
        loss = loss_of(model, ids, weights)
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = rate_at(step, recipe)
            optimizer.step()
        losses.append(loss.item())
        tokens += int((ids > 0).sum())
        if (step + 1) % 50 == 0:
            curve.append((step + 1, round(sum(losses) / len(losses), 4)))
            losses = []
            bar.set_postfix(loss=curve[-1][1], mtokens=round(tokens / 1e6, 2))
        if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
            seconds = time.monotonic() - began
            kept = {
                "recipe": asdict(recipe),
                "model": model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "step": step + 1,
                "seconds": seconds,
                "tokens": tokens,
                "curve": curve,
            }
            torch.save(kept, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)  # a kill leaves the old one or the new one
            save(model, tokenizer, out, kept)


def save(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path, kept: dict[str, Any]
) -> None:
    """Write a model as vLLM and transformers read it, with what its training was."""
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    report = {
        "recipe": kept["recipe"],
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "steps": kept["step"],
        "tokens": kept["tokens"],
        "minutes": round(kept["seconds"] / 60, 1),
        "loss": kept["curve"],
    }
    text = re.sub(r"\[\s+([^\[\]]+)\s+\]", _in_one_line, json.dumps(report, indent=1))
    (out / "training.json").write_text(text + "\n", encoding="utf-8")


def _in_one_line(pair: re.Match[str]) -> str:
    return "[" + re.sub(r"\s+", " ", pair[1].strip()) + "]"


def main() -> None:
    """Read the command line and train."""
    told = argparse.ArgumentParser(prog="python -m tools.tiny_model.train", description=__doc__)
    told.add_argument("--out", type=Path, default=HOME, help="folder that gets the model")
    told.add_argument("--work", type=Path, default=DATA.parent / "build" / "namu-tiny")
    told.add_argument("--steps", type=int, default=Recipe.steps)
    told.add_argument("--threads", type=int, default=2, help="CPU threads that compute")
    told.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    told.add_argument("--compile", action="store_true", help="a fifth faster; needs a C++ compiler")
    chosen = told.parse_args()
    torch.set_num_threads(chosen.threads)
    train(
        Recipe(steps=chosen.steps),
        chosen.out,
        chosen.work,
        device=chosen.device,
        compiled=chosen.compile,
    )


if __name__ == "__main__":
    main()
