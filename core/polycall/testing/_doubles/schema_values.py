"""Values that a JSON Schema accepts, made up from a source of random numbers."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from polycall.testing._doubles.errors import ScriptError
from polycall.testing._doubles.patterns import text_for

_MAX_DEPTH = 4
_ATTEMPTS = 50
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "islet", "juniper")
_START = datetime(2026, 1, 1, tzinfo=UTC)


def made_up_value(schema: Mapping[str, Any], random: Random, where: str) -> object:
    """Make up a value.

    Args:
        schema: JSON Schema as pydantic makes it; definitions in ``$defs``.
        random: The only source of chance.
        where: The tool's name, for the error.

    Raises:
        ScriptError: No value was found.
    """
    return _Maker(schema.get("$defs", {}), random).value(schema, where, 0)


class _Maker:
    def __init__(self, definitions: Mapping[str, Any], random: Random) -> None:
        self._definitions = definitions
        self._random = random

    def value(self, schema: Any, where: str, depth: int) -> object:
        if schema is True or schema == {}:
            return self._word()
        if schema is False:
            raise ScriptError(f"{where}: no value fits. Script this call by hand: call(...).")
        if "$ref" in schema:
            target = self._definitions[schema["$ref"].removeprefix("#/$defs/")]
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            return self.value({**target, **siblings}, where, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._one_of(schema, word, where, depth)
        if "allOf" in schema:
            merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                while "$ref" in part:
                    part = {**part, **self._definitions[part["$ref"].removeprefix("#/$defs/")]}
                    part.pop("$ref")
                merged = {
                    **part,
                    **merged,
                    "properties": {**part.get("properties", {}), **merged.get("properties", {})},
                }
            return self.value(merged, where, depth)
        return self._of_type(schema, where, depth)

    def _one_of(self, schema: Mapping[str, Any], word: str, where: str, depth: int) -> object:
        branches: Sequence[Any] = schema[word]
        siblings = {key: value for key, value in schema.items() if key not in (word, "default", "discriminator")}
        if any(isinstance(branch, dict) and branch.get("type") == "number" for branch in branches):
            # pydantic writes a Decimal as a number or any text, and takes few texts
            branches = [branch for branch in branches if branch != {"type": "string"}]
        if depth >= _MAX_DEPTH:  # the simplest branch ends a recursion
            branches = sorted(branches, key=_weight)[:1]
        branch = self._random.choice(branches)
        return self.value({**siblings, **branch} if isinstance(branch, dict) else branch, where, depth)

    def _of_type(self, schema: Mapping[str, Any], where: str, depth: int) -> object:
        type_ = schema.get("type")
        if isinstance(type_, list):
            type_ = self._random.choice(type_)
        if type_ is None:
            type_ = "object" if "properties" in schema else "array" if "items" in schema else "string"
        match type_:
            case "object":
                return self._object(schema, where, depth)
            case "array":
                return self._array(schema, where, depth)
            case "integer" | "number":
                return self._number(schema, whole=type_ == "integer")
            case "boolean":
                return self._random.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(schema, where)

    def _object(self, schema: Mapping[str, Any], where: str, depth: int) -> dict[str, object]:
        required = schema.get("required", ())
        made: dict[str, object] = {}
        for name, part in schema.get("properties", {}).items():
            if name in required or (depth < _MAX_DEPTH and self._random.random() < 0.5):
                made[name] = self.value(part, f"{where}.{name}", depth + 1)
        more = schema.get("additionalProperties", schema.get("patternProperties"))
        least = schema.get("minProperties", 0)
        if isinstance(more, dict) and (depth < _MAX_DEPTH or len(made) < least):
            names = schema.get("propertyNames", {})
            most = schema.get("maxProperties", least + 2)
            for _ in range(_ATTEMPTS):
                if len(made) >= max(least, min(most, 1)):
                    break
                key = str(self.value({"type": "string", **names}, f"{where}, a key", depth + 1))
                part = next(iter(more.values())) if "patternProperties" in schema and more else more
                made[key] = self.value(part, f"{where}[{key!r}]", depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], where: str, depth: int) -> list[object]:
        first: Sequence[Any] = schema.get("prefixItems", ())
        made = [self.value(part, f"{where}[{at}]", depth + 1) for at, part in enumerate(first)]
        items = schema.get("items", True)
        least = schema.get("minItems", 0)
        if items is False:
            return made
        room = min(schema.get("maxItems", least + 2), least + 2)
        count = max(len(made), least if depth >= _MAX_DEPTH else self._random.randint(least, max(room, least)))
        for _ in range(_ATTEMPTS + count):
            if len(made) >= count:
                break
            one = self.value(items, f"{where}[]", depth + 1)
            if not schema.get("uniqueItems") or one not in made:
                made.append(one)
        if len(made) < least:
            raise ScriptError(f"{where}: {least} different items were not found. Script this call by hand: call(...).")
        return made

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        step = schema.get("multipleOf")
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if low is None:
            low = 0 if high is None or high > 0 else high - 100
        if high is None:
            high = low + (100 if step is None else 100 * step)
        if step is not None:
            first = -(-low // step) + (1 if low == schema.get("exclusiveMinimum") and low % step == 0 else 0)
            last = high // step - (1 if high == schema.get("exclusiveMaximum") and high % step == 0 else 0)
            product: int | float = self._random.randint(int(first), max(int(first), int(last))) * step
            return product
        if whole:
            first = int(-(-low // 1)) + (1 if low == schema.get("exclusiveMinimum") and low == int(low) else 0)
            last = int(high // 1) - (1 if high == schema.get("exclusiveMaximum") and high == int(high) else 0)
            return self._random.randint(first, max(first, last))
        between = low + (high - low) * self._random.uniform(0.01, 0.99)
        rounded: float = round(between, 2)
        return rounded if low < rounded < high else between

    def _text(self, schema: Mapping[str, Any], where: str) -> str:
        format_: str = schema.get("format", "")
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if pattern := schema.get("pattern"):
            for _ in range(_ATTEMPTS):
                text = text_for(pattern, self._random)
                if text is not None and least <= len(text) <= (len(text) if most is None else most):
                    return text
            raise ScriptError(f"{where}: no text was found for {pattern!r}. Script this call by hand: call(...).")
        if format_ in _FORMATS:
            return _FORMATS[format_](self._random)
        words = self._word()
        while len(words) < least:
            words += f" {self._word()}"
        return words if most is None else words[: max(most, least)]

    def _word(self) -> str:
        return self._random.choice(_WORDS)


def _weight(branch: Any) -> int:
    """How much a branch may bring: null and plain values first, references last."""
    if not isinstance(branch, dict):
        return 1
    if branch.get("type") == "null":
        return 0
    return 3 if "$ref" in branch else 2 if branch.get("type") in ("object", "array") else 1


def _moment(random: Random) -> datetime:
    return _START + timedelta(seconds=random.randrange(365 * 24 * 3600))


def _address(random: Random) -> str:
    return f"192.0.2.{random.randint(1, 254)}"  # reserved for documents (RFC 5737)


def _uuid(version: int, random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=version))


_FORMATS: Mapping[str, Callable[[Random], str]] = {
    "date-time": lambda random: _moment(random).isoformat().replace("+00:00", "Z"),
    "date": lambda random: _moment(random).date().isoformat(),
    "time": lambda random: _moment(random).time().isoformat(),
    "duration": lambda random: f"PT{random.randint(1, 3600)}S",
    "uuid": partial(_uuid, 4),
    **{f"uuid{version}": partial(_uuid, version) for version in (1, 3, 4, 5)},
    "email": lambda random: f"{random.choice(_WORDS)}@example.com",
    "name-email": lambda random: f"{random.choice(_WORDS)} <{random.choice(_WORDS)}@example.com>",
    "uri": lambda random: f"https://example.com/{random.choice(_WORDS)}",
    "hostname": lambda random: f"{random.choice(_WORDS)}.example.com",
    "ipv4": _address,
    "ipvanyaddress": _address,
    "ipv6": lambda random: f"2001:db8::{random.randint(1, 65535):x}",
    "ipv4network": lambda random: f"192.0.2.{random.randint(0, 63) * 4}/30",
    "ipv6network": lambda random: f"2001:db8:{random.randint(0, 65535):x}::/48",
    "ipv4interface": lambda random: f"{_address(random)}/24",
    "ipv6interface": lambda random: f"2001:db8::{random.randint(1, 65535):x}/64",
    "ipvanynetwork": lambda random: f"192.0.2.{random.randint(0, 63) * 4}/30",
    "ipvanyinterface": lambda random: f"{_address(random)}/24",
    "base64": lambda random: base64.b64encode(random.randbytes(6)).decode(),
    "base64url": lambda random: base64.urlsafe_b64encode(random.randbytes(6)).decode(),
    "json-string": lambda random: f'"{random.choice(_WORDS)}"',
    "regex": lambda random: re.escape(random.choice(_WORDS)),
}
