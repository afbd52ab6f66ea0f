"""The node that a learner's test judges in chapter 04: right ones, and broken ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Node = Callable[[dict[str, Any]], dict[str, Any]]


def turn_down(state: dict[str, Any]) -> dict[str, Any]:
    """The node as it should be."""
    positions, table = state["positions"], state["table"]
    if not positions:
        return {"excluded": list(table)}
    return {"excluded": [table[n - 1] for n in positions if 0 < n <= len(table)]}


def _by_lookup(state: dict[str, Any]) -> dict[str, Any]:
    known = dict(enumerate(state["table"], 1))
    wanted = state["positions"] or known
    return {"excluded": [known[n] for n in wanted if n in known]}


RIGHT: tuple[Node, ...] = (turn_down, _by_lookup)
"""Nodes for which a test has to pass."""


def _from_zero(state: dict[str, Any]) -> dict[str, Any]:
    table = state["table"]
    kept = [table[n] for n in state["positions"] if 0 <= n < len(table)]
    return {"excluded": kept if state["positions"] else list(table)}


def _none_when_empty(state: dict[str, Any]) -> dict[str, Any]:
    table = state["table"]
    return {"excluded": [table[n - 1] for n in state["positions"] if 0 < n <= len(table)]}


def _too_far(state: dict[str, Any]) -> dict[str, Any]:
    table = state["table"]
    picked = [table[n - 1] for n in state["positions"] if n > 0]
    return {"excluded": picked if state["positions"] else list(table)}


def _last_for_zero(state: dict[str, Any]) -> dict[str, Any]:
    table = state["table"]
    picked = [table[n - 1] for n in state["positions"] if n <= len(table)]
    return {"excluded": picked if state["positions"] else list(table)}


def _in_the_order_of_the_table(state: dict[str, Any]) -> dict[str, Any]:
    return {"excluded": [each for each in state["table"] if each in turn_down(state)["excluded"]]}


def _without_the_last(state: dict[str, Any]) -> dict[str, Any]:
    table = state["table"]
    picked = [table[n - 1] for n in state["positions"] if 0 < n < len(table)]
    return {"excluded": picked if state["positions"] else list(table)}


def _all_when_none_fits(state: dict[str, Any]) -> dict[str, Any]:
    return {"excluded": turn_down(state)["excluded"] or list(state["table"])}


def _other_field(state: dict[str, Any]) -> dict[str, Any]:
    return {"ids": turn_down(state)["excluded"]}


BROKEN: dict[str, Node] = {
    "counts the places from 0": _from_zero,
    "turns nothing down when positions is empty": _none_when_empty,
    "raises an exception for a number beyond the end of the table": _too_far,
    "takes the last place for the number 0": _last_for_zero,
    "returns the ids in the order of the table": _in_the_order_of_the_table,
    "ignores the last place of the table": _without_the_last,
    "turns everything down when no number fits": _all_when_none_fits,
    "writes the ids to another field": _other_field,
}
"""Nodes for which a test has to fail, by what is wrong with them."""
