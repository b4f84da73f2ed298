"""Every regular expression of the core and of our plugins takes linear time, whatever the text is.

The patterns are found where they are compiled: those of modules, classes and objects, and those that functions make or
hand to `re`; of plugins those in their source. Each is attacked with texts that are made of its own parts.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import polycall

# The parser of `re`; there is no public one.
constants: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")

CORE = Path(polycall.__file__).parent
PLUGINS = sorted(Path(__file__).parents[3].glob("plugins/*/polycall_*/"))
LENGTH = 30_000
"""Of an attack, in characters: a pattern that takes quadratic time needs several seconds for it."""
_MAX_PAIRED = 8
REPETITIONS = (8, 12, 16, 18, 20, 22, 24, 26, 28, 400, 3_000, 10_000, LENGTH)
"""The attacks grow, so that a bad pattern ends early: an exponential one takes some times as long at each step."""
LIMIT_S = 0.5
_TELLING = 3_000
_CERTAINLY_LINEAR_S = LIMIT_S / 250
"""If a text of 3,000 characters takes less, one of 30,000 is far below the limit: at ten times the length a quadratic
pattern takes 100 times as long, and one that grows faster has taken seconds already."""
_SCANNING = ("search", "split", "sub", "subn", "findall", "finditer")
_SCANS = "|".join(_SCANNING)
_FUNCTIONS = frozenset({"compile", "match", "fullmatch", *_SCANNING})


@dataclasses.dataclass(frozen=True)
class Found:
    """A pattern, and whether it is looked for at every place of a text, or tried at one only."""

    where: str
    pattern: str
    flags: int
    scans: bool


def patterns() -> Iterator[Found]:
    """Every pattern of the core; of byte patterns the text."""
    for path in sorted(path for root in (CORE, *PLUGINS) for path in root.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            call = node.value if isinstance(node, ast.Assign) else node
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            function = call.func.attr
            if ast.unparse(call.func.value) != "re" or function not in _FUNCTIONS:
                continue
            name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else None
            scans = function in _SCANNING if name is None else bool(re.search(rf"\b{name}\.({_SCANS})\(", source))
            flags = re.DOTALL if "DOTALL" in ast.unparse(call) else re.NOFLAG
            for text in _literal(call.args[0]):
                yield Found(f"{_shown(path)}:{call.lineno}", text, int(flags), scans)
    for name in _module_names():
        for where, pattern in _compiled(importlib.import_module(name), name, set()):
            yield Found(where, _as_text(pattern.pattern), pattern.flags & re.DOTALL, scans=True)


def _shown(path: Path) -> str:
    root = next(root for root in (CORE, *PLUGINS) if path.is_relative_to(root))
    return str(path.relative_to(root.parent))


def _literal(node: ast.expr) -> Iterator[str]:
    """The pattern as text; words stand in for the parts of an f-string that are not known."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "word" for part in node.values)
    elif isinstance(node, ast.Constant):
        yield _as_text(node.value)


def _as_text(pattern: Any) -> str:
    return pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern


def _module_names() -> list[str]:
    return ["polycall", *(module.name for module in pkgutil.walk_packages(polycall.__path__, "polycall."))]


def _compiled(value: Any, where: str, seen: set[int]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns in a module, or in an object of the core that one holds."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield where, value
    elif isinstance(value, Mapping):
        for key, part in list(value.items()):
            yield from _compiled(part, f"{where}[{key!r:.40}]", seen)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in list(value):
            yield from _compiled(part, where, seen)
    elif str(getattr(value, "__module__", None) or getattr(value, "__name__", "")).startswith("polycall"):
        members = getattr(value, "__dict__", None) or {
            slot: getattr(value, slot, None) for slot in getattr(type(value), "__slots__", ())
        }
        for name, part in list(members.items()):
            yield from _compiled(part, f"{where}.{name}", seen)


FOUND = list({(found.pattern, found.flags): found for found in reversed(list(patterns()))}.values())
"""Each once; what the source says of it comes before what is found in objects."""


def attacks(pattern: str) -> Iterator[tuple[str, str, str]]:
    """A start that leads to a part of the pattern, the part (to be repeated), and an end that does not match."""
    pieces = sorted(set(_pieces(parser.parse(pattern), ""))) or [("", "a")]
    if len(pieces) <= _MAX_PAIRED:
        pieces += [(start, one + other) for start, one in pieces for _, other in pieces]
    for start, piece in pieces:
        for beginning in {"", start}:
            for end in ("\x00", "!"):
                yield beginning, piece, end


def _pieces(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    """For each part of a parsed pattern, and for the whole, a text that matches, and one that leads to it."""
    whole = ""
    for kind, value in tree:
        for inner in _inner(kind, value):
            yield from _pieces(inner, before + whole)
        if example := _example(kind, value):
            yield before + whole, example
            whole += example
    if whole:
        yield before, whole[:40]


def _inner(kind: Any, value: Any) -> list[Any]:
    if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
        return [value[2]]
    if kind is constants.SUBPATTERN:
        return [value[-1]]
    if kind is constants.BRANCH:
        return list(value[1])
    if kind is constants.ATOMIC_GROUP:
        return [value]
    return [value[1]] if kind in (constants.ASSERT, constants.ASSERT_NOT) else []


def _example(kind: Any, value: Any) -> str:
    if kind is constants.LITERAL:
        return chr(value)
    if kind is constants.NOT_LITERAL:
        return "b" if value != ord("b") else "c"
    if kind is constants.ANY:
        return "a"
    if kind is constants.IN:
        return _member(value)
    if inner := _inner(kind, value):
        return "".join(_example(*part) for part in inner[0])
    return ""


def _member(choices: Any) -> str:
    allowed = [chr(code) for code in (*range(97, 123), *range(32, 127), 9, 10, 1)]
    source = re.compile("[" + "".join(map(_class_source, choices)) + "]")
    return next((character for character in allowed if source.match(character)), "")


def _class_source(choice: Any) -> str:
    kind, value = choice
    if kind is constants.NEGATE:
        return "^"
    if kind is constants.LITERAL:
        return re.escape(chr(value))
    if kind is constants.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    categories = {"DIGIT": r"\d", "NOT_DIGIT": r"\D", "SPACE": r"\s", "NOT_SPACE": r"\S", "WORD": r"\w"}
    return categories.get(str(value).removeprefix("CATEGORY_"), r"\W")


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.where)
def test_it_takes_linear_time(found: Found) -> None:
    assert slowest(found.pattern, found.flags, scans=found.scans) < LIMIT_S


def slowest(pattern: str, flags: int, *, scans: bool = True) -> float:
    """The CPU seconds that the worst attack takes."""
    compiled = re.compile(pattern, flags)
    worst = 0.0
    for start, piece, end in attacks(pattern):
        for repetitions in REPETITIONS:
            text = start + piece * min(repetitions, LENGTH // len(piece)) + end
            begun = time.process_time()
            compiled.match(text)
            compiled.fullmatch(text)
            if scans:
                compiled.sub("", text)
            took = time.process_time() - begun
            worst = max(worst, took)
            if worst >= LIMIT_S:
                return worst
            if len(text) >= _TELLING and took < _CERTAINLY_LINEAR_S:
                break
    return worst


class TestTheAttack:
    """What it must find, or it finds nothing."""

    @pytest.mark.parametrize(
        "pattern",
        [
            r'"[^"\\]*(?:\\.[^"\\]*)*"',  # the repair of arguments that are not JSON: 40 KB took 5 s
            r"\$(?:\['(?:[^'\\]|\\.|\\a)*'\])*$",  # Gemini's paths: 259 bytes took seconds
            r"(a+)+$",
            r"\s*x",
            r"(?:a|a)*b",
            r"<[^>]*>",
        ],
    )
    def test_it_finds(self, pattern: str) -> None:
        assert slowest(pattern, re.DOTALL) >= LIMIT_S

    def test_it_sees_those_of_modules_functions_and_objects(self) -> None:
        where = {found.where.partition(":")[0] for found in FOUND}

        assert {"polycall/_toolkit/options.py", "polycall/_plugins/name_hints.py"} <= where
        assert len(FOUND) >= 15
