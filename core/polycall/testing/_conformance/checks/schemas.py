"""Group C: what the caller's types say reaches the model, or is refused; nothing is dropped in silence.

The constraints of these types are numbers and words that stand nowhere else, so whatever a provider's dialect makes of
them, they must be found in the request: in the schema or in a description.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

import polycall
from polycall.testing._conformance.answers import Answer, Call, Told, answer
from polycall.testing._conformance.checks_table import ONCE, check
from polycall.testing._conformance.levels import Full, Weakened
from polycall.testing._conformance.trial import Trial

HOOK = "polycall_render_tools"


async def _told(t: Trial, tool: type[BaseModel] | Sequence[type[BaseModel]], arguments: Any = None) -> Told | None:
    """What the model is told of a tool; ``None`` if it is refused before anything is sent."""
    tools = [tool] if isinstance(tool, type) else list(tool)
    union: Any = tools[0]
    for other in tools[1:]:
        union = union | other
    try:
        await t.ask(answer((tools[0].__name__, arguments or {})), response_model=list[union])
    except polycall.SchemaError as error:
        t.true(error.path.startswith(tools[0].__name__), f"the path {error.path!r}", "the path of the field")
        t.equal(len(t.told), 0, "the number of requests after a SchemaError")
        return None
    except polycall.OutputError:
        pass
    return t.told[-1]


def _are_told(t: Trial, told: Told, *marks: object) -> None:
    missing = [mark for mark in marks if str(mark) not in told.text]
    t.equal(missing, [], "what the request does not tell")


class Ordered(BaseModel):
    """Do things in an order."""

    zeta_field: str
    alpha_field: int
    mid_field: bool


class Second(BaseModel):
    """Be the second."""

    beta_field: str


@check("C01 names_and_order_kept", hook=HOOK, ways=ONCE)
async def names_and_order_kept(t: Trial) -> None:
    """Tools and their fields have their names, in the order of the caller's types."""
    told = await _told(t, (Second, Ordered), {"beta_field": "x"})
    if told is None:
        t.fail("SchemaError", "two plain tools in the request")
    t.equal(list(told.tools), ["Second", "Ordered"], "the tools")
    places = [told.text.find(name) for name in ("beta_field", "zeta_field", "alpha_field", "mid_field")]
    t.true(-1 not in places and places == sorted(places), f"places {places} of the fields", "all, in their order")


class Described(BaseModel):
    """Describe toolmark7301."""

    place: str = Field(description="Say fieldmark7302.")
    inner: Ordered = Field(description="Say innermark7303.")


@check("C02 descriptions_kept", hook=HOOK, ways=ONCE)
async def descriptions_kept(t: Trial) -> None:
    """The descriptions of tools and fields reach the model."""
    if told := await _told(t, Described):
        _are_told(t, told, "toolmark7301", "fieldmark7302", "innermark7303")


class Optionals(BaseModel):
    """Leave things out."""

    needed: str
    left: str = "defaultmark7311"
    number: int = 73119


@check("C03 required_and_optional", hook=HOOK, ways=ONCE)
async def required_and_optional(t: Trial) -> None:
    """Which fields are required is told, and so are defaults; what is left out gets its default."""
    if told := await _told(t, Optionals, {"needed": "x"}):
        _are_told(t, told, "needed", "defaultmark7311", "73119")
    calls = await t.ask(answer(("Optionals", {"needed": "x"})), response_model=list[Optionals])
    t.equal(list(calls), [Optionals(needed="x")], "the call")


class Colour(enum.Enum):
    RED = "red_enum7321"
    BLUE = "blue_enum7322"


class Size(enum.IntEnum):
    SMALL = 73231
    LARGE = 73232


class Enums(BaseModel):
    """Choose."""

    colour: Colour
    size: Size
    words: Literal["a_word7324", "b_word7325"]
    mixed: Literal["mixed7326", 73277]
    only: Literal["only7328"] = "only7328"


@check("C04 enums_and_constants", hook=HOOK, ways=ONCE)
async def enums_and_constants(t: Trial) -> None:
    """Every value of enums, literals and constants reaches the model, and comes back as it was meant."""
    arguments = {"colour": "red_enum7321", "size": 73232, "words": "b_word7325", "mixed": 73277, "only": "only7328"}
    if told := await _told(t, Enums, arguments):
        _are_told(
            t, told, "red_enum7321", "blue_enum7322", 73231, 73232, "a_word7324", "b_word7325", "mixed7326", 73277
        )
        _are_told(t, told, "only7328")
        calls = await t.ask(answer(("Enums", arguments)), response_model=list[Enums])
        t.equal(calls[0].model_dump(mode="json"), arguments, "the call")


class Leaf(BaseModel):
    leaf_field7331: int


class Branch(BaseModel):
    left: Leaf
    right: Leaf
    more: list[Leaf] = []


class Tree(BaseModel):
    """Plant a tree."""

    branch: Branch


class Node(BaseModel):
    """Make a list."""

    value: int
    rest: Node | None = None


@check("C05 nested_and_referenced", hook=HOOK, ways=ONCE)
async def nested_and_referenced(t: Trial) -> None:
    """Nested and shared types reach the model; a type within itself does, or is a `SchemaError` with its path."""
    leaf = {"leaf_field7331": 1}
    arguments = {"branch": {"left": leaf, "right": leaf, "more": [leaf, leaf]}}
    if told := await _told(t, Tree, arguments):
        _are_told(t, told, "leaf_field7331", "left", "right", "more")
        calls = await t.ask(answer(("Tree", arguments)), response_model=list[Tree])
        t.equal(calls[0].model_dump(), arguments, "the call")
    t.double.forget()
    told = await _told(t, Node, {"value": 1, "rest": {"value": 2}})
    if t.double.lacks("recursive_schema"):
        t.true(told is None, "a request", "SchemaError")
    elif t.double.has("recursive_schema"):
        t.true(told is not None, "SchemaError", "a request")


class Cat(BaseModel):
    kind: Literal["cat7341"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog7342"]
    barks: bool


class Pets(BaseModel):
    """Adopt."""

    first: Cat | Dog
    second: Annotated[Cat | Dog, Field(discriminator="kind")]
    third: int | str | None = None


@check("C06 unions", hook=HOOK, ways=ONCE)
async def unions(t: Trial) -> None:
    """Each branch of a union reaches the model, with a discriminator or without, and comes back as it was meant."""
    dog, cat = {"kind": "dog7342", "barks": True}, {"kind": "cat7341", "lives": 9}
    arguments = {"first": dog, "second": cat, "third": "x"}
    if told := await _told(t, Pets, arguments):
        _are_told(t, told, "cat7341", "dog7342", "lives", "barks")
        calls = await t.ask(answer(("Pets", arguments)), response_model=list[Pets])
        t.equal(calls[0].model_dump(), arguments, "the call")


class Nullable(BaseModel):
    """Know or not."""

    maybe: int | None
    later: str | None = None


@check("C07 nullable", hook=HOOK, ways=ONCE)
async def nullable(t: Trial) -> None:
    """``null`` is a value that the model may give, and that comes back as ``None``."""
    if told := await _told(t, Nullable, {"maybe": None}):
        t.true("null" in told.text.lower(), "no word of null", "that null is allowed")
        for arguments in ({"maybe": None, "later": None}, {"maybe": 3, "later": "x"}):
            calls = await t.ask(answer(("Nullable", arguments)), response_model=list[Nullable])
            t.equal(calls[0].model_dump(), arguments, "the call")


class Containers(BaseModel):
    """Contain."""

    numbers: list[int]
    pair: tuple[int, str]
    table: dict[str, int]
    grid: list[list[float]]


@check("C08 arrays_tuples_maps", hook=HOOK, ways=ONCE)
async def arrays_tuples_maps(t: Trial) -> None:
    """Lists, tuples and maps reach the model, or are a `SchemaError`; what comes back is as it was meant."""
    arguments = {"numbers": [1, 2], "pair": [1, "x"], "table": {"a": 1}, "grid": [[1.5], []]}
    if told := await _told(t, Containers, arguments):
        _are_told(t, told, "numbers", "pair", "table", "grid")
        calls = await t.ask(answer(("Containers", arguments)), response_model=list[Containers])
        t.equal(calls[0].model_dump(mode="json"), arguments, "the call")


class Bounded(BaseModel):
    """Stay within."""

    whole: int = Field(ge=73511, le=73512)
    real: float = Field(gt=73513.5, lt=73514.5)
    text: str = Field(min_length=7352, max_length=7353)
    code: str = Field(pattern="^code7354[a-z]{2}$")
    items: list[int] = Field(min_length=7355, max_length=7356)
    steps: int = Field(multiple_of=7357)


@check("C09 bounds_and_formats", hook=HOOK, ways=ONCE)
async def bounds_and_formats(t: Trial) -> None:
    """Bounds, lengths, patterns and multiples are in the schema, or told in a description."""
    if told := await _told(t, Bounded):
        _are_told(t, told, 73511, 73512, "73513.5", "73514.5", 7352, 7353, "code7354", 7355, 7356, 7357)


class Ping(BaseModel):
    """Ping."""


async def _refused_without_arguments(t: Trial) -> None:
    t.equal(await _told(t, Ping), None, "the request of a tool without arguments")


@check("C10 no_argument_tool", hook=HOOK, ways=ONCE, needs="no_argument_tool", otherwise=_refused_without_arguments)
async def no_argument_tool(t: Trial) -> None:
    """A tool without arguments can be offered and called."""
    calls = await t.ask(answer(("Ping", {})), response_model=list[Ping])
    t.equal(list(calls), [Ping()], "the call")
    t.equal(list(t.told[-1].tools), ["Ping"], "the tools")


_CONSTRAINTS: dict[str, tuple[Any, str]] = {
    "uniqueItems": (Annotated[list[int], Field(json_schema_extra={"uniqueItems": True})], "unique"),
    "minProperties": (Annotated[dict[str, int], Field(min_length=7361)], "7361"),
    "maxProperties": (Annotated[dict[str, int], Field(max_length=7362)], "7362"),
    "patternProperties": (dict[Annotated[str, Field(pattern="^key7363$")], int], "key7363"),
    "exclusiveMinimum": (Annotated[float, Field(gt=7364.25)], "7364.25"),
    "nested bound": (list[Annotated[int, Field(le=73651)]], "73651"),
    "map's value": (dict[str, Annotated[int, Field(ge=73661)]], "73661"),
    "union's branch": (Annotated[int, Field(ge=73671)] | Annotated[str, Field(max_length=73672)], "73672"),
    "not": (Annotated[str, Field(json_schema_extra={"not": {"const": "never7368"}})], "never7368"),
    "examples": (Annotated[str, Field(examples=["example7369"])], "example7369"),
    "tuple's bound": (tuple[Annotated[int, Field(le=73711)], str], "73711"),
}


@check("C11 nothing_dropped_silently", hook=HOOK, ways=ONCE)
async def nothing_dropped_silently(t: Trial) -> None:
    """Each constraint is in the request, in the schema or in words, or it is a `SchemaError`, or a recorded change."""
    for name, (type_, mark) in _CONSTRAINTS.items():
        t.double.forget()
        tool = create_model("Constrained", value=(type_, ...), __doc__="Constrain.")
        adaptations: Sequence[polycall.Adaptation] = ()
        try:
            rendered = t.clients.sync.render(list(t.options()["messages"]), _list_of(tool))
            adaptations = rendered.adaptations
        except polycall.SchemaError:
            continue
        told = await _told(t, tool)
        recorded = any("Constrained" in one.setting for one in adaptations)
        t.true(told is not None and (mark.lower() in told.text.lower() or recorded), f"nothing of {name} ({mark})",
               "the constraint, words for it, a SchemaError, or an adaptation")  # fmt: skip


async def _strict_is_refused(t: Trial) -> None:
    error = await t.error_of(answer(("Ordered", {})), due=polycall.SchemaError, strict=True)
    t.true(error.problem, "no word", "what to do instead")
    t.equal(len(t.told), 0, "the number of requests")


@check("C12 strict_or_refused", hook=HOOK, ways=ONCE, needs="strict", otherwise=_strict_is_refused)
async def strict_or_refused(t: Trial) -> None:
    """``strict=True`` reaches the service, or is a `SchemaError` before anything is sent; it is never ignored."""
    call = answer(("Ordered", {"zeta_field": "x", "alpha_field": 1, "mid_field": True}))
    for choice in ("required", "auto"):  # where a call is forced, a service may enforce the schema in any case
        for strict in (False, True):
            await t.ask(call, response_model=list[Ordered], strict=strict, tool_choice=choice)
    lax, enforced, lax_auto, enforced_auto = (one.text for one in t.told)
    if t.double.lacks("strict.off"):
        return
    t.true(lax != enforced or lax_auto != enforced_auto, "the same request as without it", "a request that asks for it")


@check("C13 every_tool_choice", hook=HOOK, ways=ONCE)
async def every_tool_choice(t: Trial) -> None:
    """Each ``tool_choice`` reaches the service; what it lacks is weakened, and recorded, or refused."""
    call = answer(("Weather", {"location": "x"}))
    for choice, capability in (("auto", "auto"), ("required", "required"), ("Weather", "name")):
        t.double.forget()
        level = t.double.level(f"tool_choice.{capability}")
        try:
            calls = await t.ask(call, tool_choice=choice)
        except polycall.PolycallError as error:
            t.true(not isinstance(level, (Full, Weakened)), str(error), f"a request with {choice!r}")
            t.equal(len(t.told), 0, "the number of requests after a refusal")
            continue
        if isinstance(level, Full):
            t.equal(t.told[-1].choice, choice, "the choice in the request")
        elif isinstance(level, Weakened):
            recorded = [one for one in calls.adaptations if one.setting == "tool_choice"]
            t.true(recorded, f"no adaptation for {choice!r}", "one for 'tool_choice'")
        else:
            t.fail(f"a request with {choice!r}", "an error: the capability is declared unsupported")


@check("C14 stable_for_100_tools", hook=HOOK, ways=ONCE)
async def stable_for_100_tools(t: Trial) -> None:
    """A hundred tools are all offered, each once, and the same tools give the same request."""
    union: Any = None
    for number in range(100):
        tool = create_model(f"Tool{number}", value=(int, ...), __doc__=f"Do {number}.")
        union = tool if union is None else union | tool
    for _ in range(2):
        await t.ask(answer(("Tool99", {"value": 1})), response_model=list[union])
    t.equal(list(t.told[0].tools), [f"Tool{number}" for number in range(100)], "the tools")
    t.true(t.told[0].text == t.told[1].text, "two requests that differ", "the same request twice")


def _list_of(tool: Any) -> Any:
    return list[tool]


@check("C15 what_is_sent_comes_back", hook="polycall_extract_reply", ways=ONCE)
async def what_is_sent_comes_back(t: Trial) -> None:
    """Values of any JSON Schema that a model fills in come back equal, whole and streamed."""
    from polycall.testing._conformance.random_schemas import examples

    for tool, arguments in examples(20):
        t.double.forget()
        made = Answer(steps=(Call(tool.__name__, arguments, "r1"),))
        t.script(made, made)
        try:
            whole = t.clients.sync.create(**t.options(response_model=_list_of(tool)))
        except polycall.SchemaError:
            continue
        with t.clients.sync.stream(**t.options(response_model=_list_of(tool))) as stream:
            streamed = stream.collect()
        due = tool.model_validate(arguments)
        t.equal([list(whole), list(streamed)], [[due], [due]], f"the calls for {json.dumps(arguments)}")
