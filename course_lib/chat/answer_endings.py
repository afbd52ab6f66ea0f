"""Why a model's answer ended early or holds no words, in words for the person."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

CUT_OFF = "The answer was cut off: it reached its longest permitted length (max_tokens)."
FILTERED = "The answer was filtered: the model's provider withheld it, or the rest of it."
ONLY_REASONING = "The model only reasoned and gave no answer."

REASONS = {
    "length": CUT_OFF,
    "max_tokens": CUT_OFF,
    "max_output_tokens": CUT_OFF,
    "model_length": CUT_OFF,
    "model_context_window_exceeded": "The answer was cut off: the model's context is full.",
    "content_filter": FILTERED,
    "refusal": FILTERED,
    "safety": FILTERED,
    "recitation": FILTERED,
    "blocklist": FILTERED,
    "prohibited_content": FILTERED,
    "spii": FILTERED,
    "guardrail_intervened": FILTERED,
}
"""What providers write into `response_metadata` (OpenAI, Anthropic, Google, Bedrock, Ollama)."""

REASONING_BLOCKS = ("reasoning", "thinking", "redacted_thinking", "reasoning_content")


def ending_of(message: BaseMessage) -> str | None:
    """Say why an answer ended early, or why it holds no words.

    Args:
        message: from a model.

    Returns:
        None for an answer that ended by itself.
    """
    if not isinstance(message, AIMessage):
        return None
    reasons = [_reason(message.response_metadata)]
    if not str(message.text) and not message.tool_calls:
        if refusal := message.additional_kwargs.get("refusal"):
            reasons.append(f"The model refused: {refusal}")
        elif _reasoned(message):
            reasons.append(ONLY_REASONING)
    return " ".join(filter(None, reasons)) or None


def _reason(metadata: dict[str, Any]) -> str | None:
    for name in ("finish_reason", "stop_reason", "stopReason", "done_reason"):
        value = metadata.get(name)
        if isinstance(value, str) and (found := REASONS.get(value.lower())):
            return found
    details = metadata.get("incomplete_details")
    return REASONS.get(str(details.get("reason"))) if isinstance(details, dict) else None


def _reasoned(message: AIMessage) -> bool:
    blocks = message.content if isinstance(message.content, list) else []
    kinds = {block.get("type") for block in blocks if isinstance(block, dict)}
    return bool(kinds & set(REASONING_BLOCKS) or message.additional_kwargs.get("reasoning_content"))
