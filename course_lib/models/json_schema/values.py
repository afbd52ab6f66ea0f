"""Values that a JSON schema accepts, the likeliest for a message first.

`candidates` proposes values from the keywords of a schema and from the words of the message, and
`course_lib.json_checks` decides whether a proposal fits. A keyword that no proposal knows (`not`,
say) can cost a value, but never lets a wrong one through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from course_lib.json_checks import checker, fits, is_found
from course_lib.models.json_schema.effort import spend
from course_lib.models.json_schema.failures import unsatisfiable
from course_lib.models.json_schema.merging import Schema, merged, types_of
from course_lib.models.json_schema.numbers import numbers
from course_lib.models.json_schema.sizes import MAX_SIZE, least_size
from course_lib.models.json_schema.strings import strings

MAX_CANDIDATES = 200
"""How many proposals are tried for one value."""
MAX_PER_PART = 8
"""How many values of one property or element are combined with those of the others."""

MAX_NAMES = 10_000
"""How many names are made up for the properties of one object."""


@dataclass
class Hints:
    """What the message offers for a value.

    Args:
        text: the message as typed.
        words: the message as the lexicon normalises it.
        numbers: its numbers that are not used yet, in order.
        quotes: its quoted texts that are not used yet, in order.
    """

    text: str
    words: str
    numbers: list[float]
    quotes: list[str]

    def use(self, value: Any) -> None:
        """Take a value out of the hints, so that the next field gets another one."""
        if isinstance(value, str) and value in self.quotes:
            self.quotes.remove(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            used = next((n for n in self.numbers if n == value or int(n) == value), None)
            if used is not None:
                self.numbers.remove(used)


def first_valid(schema: Schema, hints: Hints, name: str) -> Any:
    """Return the first proposal that a schema accepts, and use up its hints.

    Args:
        schema: without `$ref`s.
        hints: what the message offers.
        name: of the field, for the error.

    Raises:
        UnsatisfiableSchema: no proposal fits.
    """
    for value in valid_values(schema, hints):
        hints.use(value)
        return value
    raise unsatisfiable(schema, name)


def is_valid(value: Any, schema: Schema) -> bool:
    """Whether a value fits a schema, with its formats."""
    spend()
    return fits(value, schema)


def valid_values(schema: Schema, hints: Hints) -> Iterator[Any]:
    """Yield the proposals that a schema accepts, of the first `MAX_CANDIDATES`."""
    accepts = checker(schema)
    for value in islice(candidates(schema, hints), MAX_CANDIDATES):
        spend()
        if accepts(value):
            yield value


def candidates(schema: Schema, hints: Hints) -> Iterator[Any]:
    """Propose values for a schema, the likeliest first. Not all of them fit.

    Args:
        schema: without `$ref`s.
        hints: what the message offers.
    """
    if isinstance(schema, bool):
        yield from [hints.text] if schema else []
        return
    if "const" in schema:
        yield schema["const"]
    elif "enum" in schema:
        spoken = [v for v in schema["enum"] if str(v).casefold() in hints.words]
        yield from (*spoken, *schema["enum"])
    elif options := next((key for key in ("anyOf", "oneOf") if key in schema), None):
        rest = {key: value for key, value in schema.items() if key != options}
        for option in sorted(schema[options], key=_rank):
            yield from islice(candidates(merged(rest, option), hints), MAX_CANDIDATES // 4)
    elif "allOf" in schema:
        whole: Schema = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            whole = merged(whole, part)
        yield from candidates(whole, hints)
    elif "dependentSchemas" in schema:
        rest = {key: value for key, value in schema.items() if key != "dependentSchemas"}
        for parts in ([], [*schema["dependentSchemas"].values()]):
            whole = rest
            for part in parts:
                whole = merged(whole, part)
            yield from islice(candidates(whole, hints), MAX_CANDIDATES // 3)
    elif "if" in schema:
        rest = {k: v for k, v in schema.items() if k not in ("if", "then", "else")}
        for branch in ([schema["if"], schema.get("then", True)], [schema.get("else", True)]):
            whole = rest
            for part in branch:
                whole = merged(whole, part)
            yield from islice(candidates(whole, hints), MAX_CANDIDATES // 3)
    else:
        yield from _of_type(schema, hints)


def _rank(option: Schema) -> int:
    """Return where an alternative stands: first what says something, then null, then anything.

    A reference that was cut off because it leads back to itself looks like one to anything.
    """
    if isinstance(option, bool) or not set(option) - {"title", "description", "default"}:
        return 2
    return 1 if option.get("type") == "null" else 0


def _of_type(schema: Mapping[str, Any], hints: Hints) -> Iterator[Any]:
    if "type" in schema:
        yield from _of_types(schema, hints)
    else:  # the keywords suggest a type, and do not demand it
        yield from islice(_of_types(schema, hints), MAX_CANDIDATES // 2)
        yield from (0, False, None, [], {})


def _of_types(schema: Mapping[str, Any], hints: Hints) -> Iterator[Any]:
    for kind in types_of(schema):
        if least_size({**schema, "type": kind}) > MAX_SIZE:
            continue
        match kind:
            case "integer" | "number":
                yield from numbers(schema, hints.numbers, whole=kind == "integer")
            case "boolean":
                yield from (False, True)
            case "null":
                yield None
            case "array":
                yield from _arrays(schema, hints)
            case "object":
                yield from objects(schema, hints)
            case _:
                content = schema.get("contentSchema")
                if isinstance(content, Mapping):
                    values = islice(valid_values(content, hints), MAX_PER_PART)
                    yield from (json.dumps(value, ensure_ascii=False) for value in values)
                yield from strings(schema, hints.quotes, hints.text)


def _arrays(schema: Mapping[str, Any], hints: Hints) -> Iterator[list[Any]]:
    prefix: Sequence[Schema] = schema.get("prefixItems") or ()
    rest: Schema = schema.get("items", True)
    needed = schema.get("minContains", 1) if "contains" in schema else 0
    shortest = max(int(schema.get("minItems", 0)), needed)
    for length in dict.fromkeys((shortest, max(shortest, len(prefix)), shortest + 1)):
        parts = [*prefix[:length], *[rest] * (length - len(prefix))]
        for n in range(needed):  # what must be contained goes last, where no tuple is in the way
            parts[length - 1 - n] = merged(parts[length - 1 - n], schema["contains"])
        if schema.get("uniqueItems"):
            yield from _distinct(parts, hints)
        yield from map(list, _combined(parts, hints))


def _combined(parts: Sequence[Schema], hints: Hints) -> Iterator[tuple[Any, ...]]:
    """Yield combinations of valid values, one for each part."""
    pools: dict[int, list[Any]] = {}
    for part in parts:
        if id(part) not in pools:
            pools[id(part)] = list(islice(valid_values(part, hints), MAX_PER_PART))
    yield from islice(product(*(pools[id(part)] for part in parts)), MAX_CANDIDATES // 8)


def _distinct(parts: Sequence[Schema], hints: Hints) -> Iterator[list[Any]]:
    """Yield one array whose elements differ from each other."""
    array: list[Any] = []
    taken: set[str] = set()
    # Equal parts go on where the last one stopped: what came before is taken.
    offers = {id(part): valid_values(part, hints) for part in parts}
    for part in parts:
        for value in offers[id(part)]:
            written = json.dumps(value, sort_keys=True)
            if written not in taken:
                taken.add(written)
                array.append(value)
                break
    if len(array) == len(parts):
        yield array


def objects(schema: Mapping[str, Any], hints: Hints) -> Iterator[dict[str, Any]]:
    """Propose objects: with the required properties only, then with more of them.

    Args:
        schema: with any of `properties`, `required`, `dependentRequired`, `patternProperties`,
            `additionalProperties`, `propertyNames` and `minProperties`.
        hints: what the message offers.
    """
    required = list(dict.fromkeys(schema.get("required", ())))
    depending, known = schema.get("dependentRequired", {}), set(required)
    for name in required:  # grows on the way
        more = [other for other in dict.fromkeys(depending.get(name, ())) if other not in known]
        required += more
        known |= set(more)
    optional = [name for name in schema.get("properties", {}) if name not in known]
    smallest = int(schema.get("minProperties", 0))
    sizes = (max(0, smallest - len(required)), len(optional))
    for names in dict.fromkeys((*required, *optional[:size]) for size in sizes):
        new = _new_names(schema, names, hints)
        names = (*names, *islice(new, max(0, smallest - len(names))))
        parts = [_property(schema, name) for name in names]
        yield from (dict(zip(names, values, strict=True)) for values in _combined(parts, hints))


def _property(schema: Mapping[str, Any], name: str) -> Schema:
    """Return what an object's schema asks of the property with this name."""
    fitting: list[Schema] = (
        [schema["properties"][name]] if name in schema.get("properties", {}) else []
    )
    for pattern, part in schema.get("patternProperties", {}).items():
        if is_found(pattern, name):
            fitting.append(part)
    if not fitting:
        return schema.get("additionalProperties", True)
    whole = fitting[0]
    for part in fitting[1:]:
        whole = merged(whole, part)
    return whole


def _new_names(schema: Mapping[str, Any], taken: Sequence[str], hints: Hints) -> Iterator[str]:
    """Yield names for properties that an object's schema allows without naming them."""
    free = Hints(text="key", words="", numbers=[], quotes=[])
    used = set(taken)
    for name in _allowed_names(schema, free):
        if name and name not in used:
            used.add(name)
            yield name


def _allowed_names(schema: Mapping[str, Any], free: Hints) -> Iterator[str]:
    """Yield names, first those that the patterns of the schema describe.

    A name that may be any text is a number: the schema of a `dict[int, str]` is the same as that
    of a `dict[str, str]`, because the names in JSON are texts. 1 and 0 come first: they are also
    what a `dict[bool, str]` accepts.
    """
    rule = merged({"type": "string"}, schema.get("propertyNames", True))
    for pattern in schema.get("patternProperties", ()):
        yield from valid_values(merged(rule, {"pattern": pattern}), free)
    if schema.get("additionalProperties") is not False:
        accepts = checker(rule)
        yield from filter(accepts, map(str, (1, 0, *range(2, MAX_NAMES))))
        yield from valid_values(rule, free)
