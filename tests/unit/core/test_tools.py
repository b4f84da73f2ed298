"""From a ``response_model`` to tools."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import typing
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, List, Literal, Optional, TypeVar, Union  # noqa: UP035 - users write these

import pytest
import typing_extensions
from pydantic import BaseModel, Field, RootModel

import polycall
from polycall._engine.tools import tools_for

T = TypeVar("T")


class Weather(BaseModel):
    """The weather at a place."""

    location: str
    units: Literal["imperial", "metric"] = Field(description="Of temperature.")


class GoogleSearch(BaseModel):
    query: str


@dataclasses.dataclass
class Move:
    """Move a piece."""

    start: str
    end: str = "a1"


@dataclasses.dataclass
class Undescribed:
    steps: int


class Note(typing.TypedDict):
    """Write a note."""

    text: str
    tags: typing.NotRequired[list[str]]


class Partial(typing.TypedDict, total=False):
    text: typing.Required[str]
    tags: list[str]


class ModernNote(typing_extensions.TypedDict):
    text: str


class Tree(BaseModel):
    """A tree."""

    name: str
    children: list[Tree] = []


class Box(BaseModel, Generic[T]):
    content: T


@dataclasses.dataclass
class Crate(Generic[T]):
    content: T


class Numbers(RootModel[list[int]]):
    pass


Both = typing_extensions.TypeAliasType("Both", Weather | GoogleSearch)
BothCalls = typing_extensions.TypeAliasType("BothCalls", Iterable[Weather | GoogleSearch])


def names(response_model: object) -> list[str]:
    return [tool.name for tool in tools_for(response_model).specs]


class TestForms:
    @pytest.mark.parametrize(
        "response_model",
        [
            collections.abc.Iterable[Weather | GoogleSearch],
            typing.Iterable[Weather | GoogleSearch],
            list[Weather | GoogleSearch],
            List[Weather | GoogleSearch],  # noqa: UP006
            Iterable[Union[Weather, GoogleSearch]],  # noqa: UP007
            Iterable[Annotated[Weather, "one"] | GoogleSearch],
            Annotated[Iterable[Weather | GoogleSearch], "calls"],
            Annotated[list[Weather | GoogleSearch], []],
            Iterable[Annotated[Weather | GoogleSearch, Field(description="a call")]],
            Iterable[Both],
            BothCalls,
        ],
        ids=str,
    )
    def test_several_models_are_several_tools_in_their_order(self, response_model: object) -> None:
        assert names(response_model) == ["Weather", "GoogleSearch"]

    @pytest.mark.parametrize("response_model", [Iterable[Weather], list[Weather], Iterable[Annotated[Weather, 1]]])
    def test_one_model_is_one_tool(self, response_model: object) -> None:
        assert names(response_model) == ["Weather"]

    def test_the_order_is_that_of_this_response_model_not_of_an_equal_one(self) -> None:
        assert names(list[Weather | Move]) == ["Weather", "Move"]
        assert names(list[Move | Weather]) == ["Move", "Weather"]

    def test_models_dataclasses_and_typed_dicts_mix(self) -> None:
        assert names(Iterable[Weather | Move | Note | ModernNote]) == ["Weather", "Move", "Note", "ModernNote"]

    @pytest.mark.parametrize(
        ("response_model", "advice"),
        [
            (Weather, "Write response_model=Iterable[Weather]."),
            (Move, "Write response_model=Iterable[Move]."),
            (Weather | GoogleSearch, "Write response_model=Iterable[Weather | GoogleSearch]."),
            (Union[Weather, GoogleSearch], "Write response_model=Iterable[Weather | GoogleSearch]."),  # noqa: UP007
            (tuple[Weather, ...], "Write response_model=Iterable[Weather]."),
            (set[Weather], "Write response_model=Iterable[Weather]."),
            (dict[str, Weather], "Iterable[Model], Iterable[ModelA | ModelB] or list[...]"),
            (typing.Iterable, "Iterable[Model], Iterable[ModelA | ModelB] or list[...]"),
            (list, "Iterable[Model], Iterable[ModelA | ModelB] or list[...]"),
            (None, "Iterable[Model], Iterable[ModelA | ModelB] or list[...]"),
            ("Weather", "Iterable[Model], Iterable[ModelA | ModelB] or list[...]"),
            (Weather(location="Rome", units="metric"), "Iterable[Model], Iterable[ModelA | ModelB] or list[...]"),
            ([], "response_model=[] has no member"),
            ([Weather, 5], "5 in response_model=[Weather, 5] is not a model"),
            (Iterable[int], "int in response_model=Iterable[int] is not a model"),
            (Iterable[Weather | None], "None in response_model=Iterable[Weather | None] is not a model"),
            (Iterable[Optional[Weather]], "None in response_model=Iterable[Weather | None] is not a model"),  # noqa: UP045
            (Iterable[Weather | str], "str in response_model"),
            (Iterable["Weather"], "is not a model"),
            (Iterable[Any], "is not a model"),
            (Iterable[Numbers], "Numbers in response_model"),
        ],
        ids=str,
    )
    def test_another_form_is_refused_and_the_right_one_shown(self, response_model: object, advice: str) -> None:
        with pytest.raises(polycall.ResponseModelError) as raised:
            tools_for(response_model)

        assert advice in str(raised.value)
        assert isinstance(raised.value, TypeError)


class TestNames:
    def test_generic_models_are_named_after_what_they_hold(self) -> None:
        assert names(Iterable[Box[int] | Box[Weather] | Crate[int]]) == ["Box_int", "Box_Weather", "Crate_int"]

    @pytest.mark.parametrize(
        ("class_name", "tool_name"),
        [("a b", "a_b"), ("Größe", "Gr_e"), ("天気", "_"), ("1st", "_1st"), ("a-b", "a-b"), ("_private", "_private")],
    )
    def test_a_name_that_a_provider_refuses_is_made_acceptable(self, class_name: str, tool_name: str) -> None:
        assert names(Iterable[type(class_name, (GoogleSearch,), {})]) == [tool_name]  # type: ignore[misc]

    def test_a_long_name_is_cut_and_stays_unique(self) -> None:
        one, other = (type("A" * 70 + end, (GoogleSearch,), {}) for end in "xy")

        cut = names(Iterable[one | other])  # type: ignore[valid-type]

        assert [len(name) for name in cut] == [64, 64]
        assert cut[0] != cut[1]

    def test_two_members_of_one_name_are_refused_and_both_named(self) -> None:
        twin = type("Weather", (BaseModel,), {"__module__": "elsewhere"})

        with pytest.raises(polycall.ResponseModelError) as raised:
            tools_for(Iterable[Weather | twin])  # type: ignore[valid-type]

        assert f"{Weather.__module__}.Weather" in str(raised.value)
        assert "elsewhere.Weather" in str(raised.value)


class TestSpecs:
    def test_a_pydantic_model(self) -> None:
        (spec,) = tools_for(Iterable[Weather]).specs

        assert spec.description == "The weather at a place."
        assert spec.schema == {
            "type": "object",
            "properties": {
                "location": {"title": "Location", "type": "string"},
                "units": {
                    "title": "Units",
                    "description": "Of temperature.",
                    "enum": ["imperial", "metric"],
                    "type": "string",
                },
            },
            "required": ["location", "units"],
        }

    def test_a_dataclass(self) -> None:
        (spec,) = tools_for(Iterable[Move]).specs

        assert spec.description == "Move a piece."
        assert spec.schema["required"] == ["start"]

    def test_the_docstring_that_python_makes_for_a_dataclass_is_no_description(self) -> None:
        assert tools_for(Iterable[Undescribed]).specs[0].description is None

    @pytest.mark.parametrize(("model", "description"), [(Note, "Write a note."), (Partial, None)])
    def test_a_typed_dict_of_typing(self, model: type, description: str | None) -> None:
        (spec,) = tools_for(Iterable[model]).specs  # type: ignore[valid-type]

        assert spec.description == description
        assert spec.schema == {
            "type": "object",
            "properties": {
                "text": {"title": "Text", "type": "string"},
                "tags": {"title": "Tags", "type": "array", "items": {"type": "string"}},
            },
            "required": ["text"],
        }

    def test_a_recursive_model_has_the_object_at_its_root(self) -> None:
        (spec,) = tools_for(Iterable[Tree]).specs

        assert spec.schema["type"] == "object"
        assert spec.description == "A tree."
        assert list(typing.cast("dict[str, object]", spec.schema["$defs"])) == ["Tree"]

    def test_names_are_those_that_validation_takes(self) -> None:
        class Aliased(BaseModel):
            from_: str = Field(alias="from")

        assert tools_for(Iterable[Aliased]).specs[0].schema["required"] == ["from"]

    def test_a_type_that_no_schema_can_express_is_refused_before_any_request(self) -> None:
        class Callback(BaseModel):
            function: Callable[[], None]

        with pytest.raises(polycall.SchemaError, match="Callback"):
            tools_for(Iterable[Callback])

    def test_an_annotation_that_cannot_be_resolved_says_what_to_do(self) -> None:
        class Local(BaseModel):
            when: Missing  # type: ignore[name-defined]  # noqa: F821

        @dataclasses.dataclass
        class LocalToo:
            when: Missing  # type: ignore[name-defined]  # noqa: F821

        class LocalDict(typing.TypedDict):
            when: Missing  # type: ignore[name-defined]  # noqa: F821

        for model in (Local, LocalToo, LocalDict):
            with pytest.raises(polycall.SchemaError, match=rf"'{model.__name__}': .*Define or import the type"):
                tools_for(Iterable[model])  # type: ignore[valid-type]

    def test_equal_response_models_share_one_tool_set(self) -> None:
        assert tools_for(Iterable[Weather | Move]) is tools_for(list[Weather | Move])

    def test_annotations_of_another_module_are_resolved_there(self) -> None:
        @dataclasses.dataclass
        class Dated:
            day: datetime.date

        assert tools_for(Iterable[Dated]).specs[0].schema["properties"] == {
            "day": {"format": "date", "title": "Day", "type": "string"}
        }
