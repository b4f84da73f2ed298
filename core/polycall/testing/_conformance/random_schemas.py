"""Tools with random schemas, and arguments that fit them: the same ones in each run."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, create_model

Made: TypeAlias = tuple[Any, Callable[[random.Random], Any]]
"""A type, and a function that makes a JSON value of it."""

_LETTERS = string.ascii_letters + 'äß😀שلا"\\/\n\t\u2028'
SEED = 12


def examples(count: int) -> Iterator[tuple[type[BaseModel], dict[str, Any]]]:
    """Tools with arguments.

    Args:
        count: How many.
    """
    source = random.Random(SEED)  # noqa: S311  # the same ones in each run
    for number in range(count):
        fields = {f"field_{at}": _type(source, 2) for at in range(source.randint(1, 4))}
        definitions: dict[str, Any] = {name: (made[0], ...) for name, made in fields.items()}
        tool = create_model(f"Random{number}", __doc__="Do something.", **definitions)
        yield tool, {name: made[1](source) for name, made in fields.items()}


def _type(source: random.Random, depth: int) -> Made:
    kinds: list[Callable[[random.Random, int], Made]] = [_text, _whole, _real, _truth, _choice]
    if depth:
        kinds += [_list, _object, _optional]
    return source.choice(kinds)(source, depth)


def _text(_: random.Random, __: int) -> Made:
    return str, lambda source: "".join(source.choices(_LETTERS, k=source.randint(0, 12)))


def _whole(_: random.Random, __: int) -> Made:
    return int, lambda source: source.randint(-(2**53), 2**53)


def _real(_: random.Random, __: int) -> Made:
    return float, lambda source: source.choice([0.5, -1.25, 1e-7, 12345.678, 3.0])


def _truth(_: random.Random, __: int) -> Made:
    return bool, lambda source: source.random() < 0.5


def _choice(source: random.Random, _: int) -> Made:
    words = tuple(f"word{source.randint(0, 999)}" for _ in range(3))
    return Literal[words], lambda source: source.choice(words)


def _list(source: random.Random, depth: int) -> Made:
    type_, value = _type(source, depth - 1)
    return list[type_], lambda source: [value(source) for _ in range(source.randint(0, 3))]  # type: ignore[valid-type]


def _object(source: random.Random, depth: int) -> Made:
    members = {f"member_{at}": _type(source, depth - 1) for at in range(source.randint(1, 3))}
    definitions: dict[str, Any] = {name: (made[0], ...) for name, made in members.items()}
    model = create_model(f"Inner{source.randint(0, 10**6)}", **definitions)
    return model, lambda source: {name: made[1](source) for name, made in members.items()}


def _optional(source: random.Random, depth: int) -> Made:
    type_, value = _type(source, depth - 1)
    return type_ | None, lambda source: None if source.random() < 0.3 else value(source)
