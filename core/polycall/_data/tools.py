"""Tools in the caller's own words: another name for a class, and tools that have no class at all."""
# Annotations are objects here and not texts: pydantic and `typing.get_type_hints` look up the names of texts in the
# module that a class names as its own, which for public ones is `polycall`.

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

from polycall._data.errors import ResponseModelError
from polycall._data.public import public

MAX_NAME_LENGTH = 64
RESERVED_NAMES = ("auto", "required")
"""Words of ``tool_choice``, which therefore name no tool."""
_LEGAL_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{MAX_NAME_LENGTH - 1}}}")


def is_legal_name(name: object) -> bool:
    """Whether every known provider takes a tool of this name.

    The intersection of OpenAI's rule (letters, digits, ``_``, ``-``, at most 64) and Gemini's (begins with a letter
    or ``_``), without the words of ``tool_choice``.
    """
    return isinstance(name, str) and _LEGAL_NAME.fullmatch(name) is not None and name not in RESERVED_NAMES


@public
@dataclass(frozen=True, slots=True)
class ToolName:
    """A tool's name other than its class's: ``Iterable[Annotated[Weather, ToolName("get_weather")] | Search]``.

    Attributes:
        name: Begins with a letter of ASCII or ``_``, goes on with letters, digits, ``_`` and ``-``, has at most 64
            characters, and is neither ``auto`` nor ``required``, which are words of ``tool_choice``.

    Raises:
        ResponseModelError: Another name.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name in RESERVED_NAMES:
            raise ResponseModelError(f"ToolName({self.name!r}): tool_choice reserves that word. Choose another name.")
        if not is_legal_name(self.name):
            raise ResponseModelError(
                f"ToolName({self.name!r}): not a name that every provider takes. A name begins with a letter (A to Z, "
                f"a to z) or '_', goes on with letters, digits, '_' and '-', and has at most {MAX_NAME_LENGTH} "
                "characters."
            )


@public
@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A tool that exists only as JSON Schema: ``response_model=[Weather, polycall.Tool("search", "...", {...})]``.

    Its calls are validated with jsonschema-rs (``pip install "polycall[json-schema]"``) and come back as
    `polycall.ToolCall` objects whose ``arguments`` are a dict. Formats (``"format": "date"``) are told to the model and
    not checked, as JSON Schema has it. References (``$ref``) to other documents are refused; nothing is fetched.

    Compares and hashes by identity, so make a tool once and not for each call: polycall keeps what it makes of it.

    Attributes:
        name: Any text. Where a provider cannot carry it (``"files/read"``), the model gets a name that is close to it,
            and `ToolCall.name` of the result is this one.
        description: Told to the model; ``None`` if there is none.
        schema: JSON Schema of the arguments, of any draft (as ``$schema`` says, 2020-12 by default): an object. Do not
            change it afterwards.
    """

    name: str
    description: str | None = None
    schema: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __or__(self, other: object) -> object:
        """``Iterable[tool | Weather]``, for which Python has no operator of its own."""
        return typing.Union[self, other]  # noqa: UP007 - the operator itself

    def __ror__(self, other: object) -> object:
        return typing.Union[other, self]  # noqa: UP007 - the operator itself
