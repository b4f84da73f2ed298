"""Generation options, tool choice and settings, as they arrive at the service."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types
from pydantic import BaseModel

import polycall
from support.vertex_rest_server import VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import MODEL, Wire, call, candidate, genai_client


class Pick(BaseModel):
    n: int


class Ping(BaseModel):
    """Takes nothing."""


MESSAGES = [{"role": "user", "content": "hi"}]
GOOD = candidate(call("Pick", {"n": 1}), finishReason="STOP")
MODES = {1: "AUTO", 2: "ANY", 3: "NONE", 5: "VALIDATED"}
"""Over REST the older SDK writes enums as numbers."""


def body_of(wire: Wire, **options: Any) -> dict[str, Any]:
    wire.enqueue(GOOD)
    wire.client().create(MESSAGES, list[Pick | Ping], **{"model": wire.model, **options})
    body: dict[str, Any] = in_rest_spelling(wire.bodies[-1])
    return body


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"mode": "ANY"}),
        ({"tool_choice": "auto"}, {"mode": "AUTO"}),
        ({"tool_choice": "auto", "strict": True}, {"mode": "VALIDATED"}),
        ({"tool_choice": "Pick"}, {"mode": "ANY", "allowedFunctionNames": ["Pick"]}),
        (
            {"tool_config": {"function_calling_config": {"mode": "NONE", "allowed_function_names": ["Ping"]}}},
            {"mode": "ANY", "allowedFunctionNames": ["Ping"]},
        ),
    ],
)
def test_tool_choice(wire: Wire, options: dict[str, Any], expected: dict[str, Any]) -> None:
    """Never ``NONE``, which may end in UNEXPECTED_TOOL_CALL: tensorzero#2329. Names only with ``ANY``."""
    config = body_of(wire, **options)["toolConfig"]["functionCallingConfig"]

    assert {**config, "mode": MODES.get(config["mode"], config["mode"])} == expected


def test_a_tool_without_parameters_declares_none(wire: Wire) -> None:
    [tool] = body_of(wire)["tools"]

    pick, ping = tool["functionDeclarations"]
    assert (sorted(pick), sorted(ping)) == (["name", "parameters"], ["description", "name"])


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.5, "top_k": 3, "max_output_tokens": 9},
        {"generation_config": {"temperature": 0.5, "top_k": 3, "max_output_tokens": 9}},
        {"generation_config": {"temperature": 0.25, "topK": 3}, "temperature": 0.5, "max_output_tokens": 9},
    ],
)
def test_generation_options(wire: Wire, options: dict[str, Any]) -> None:
    assert body_of(wire, **options)["generationConfig"] == {"temperature": 0.5, "topK": 3, "maxOutputTokens": 9}


def told_of(calls: polycall.Calls[Any]) -> list[tuple[str, object, object]]:
    return [(one.setting, one.given, one.sent) for one in calls.adaptations if one.setting.startswith("options.")]


def test_a_field_that_is_stated_twice_is_told_of(wire: Wire) -> None:
    wire.enqueue(GOOD)
    stated = {"temperature": 0.25, "topK": 3, "max_output_tokens": 5}

    calls = wire.client().create(
        MESSAGES, list[Pick], model=wire.model, generation_config=stated, temperature=0.5, top_k=3, max_tokens=9
    )

    assert told_of(calls) == [
        ("options.generation_config.temperature", 0.25, 0.5),
        ("options.generation_config.max_output_tokens", 5, 9),
    ]


def test_so_is_one_of_a_config_but_no_header() -> None:
    stated = types.GenerateContentConfig(
        temperature=0.25, seed=1, http_options=types.HttpOptions(headers={"k": "secret"})
    )
    with VertexRestServer() as server:
        server.enqueue(GOOD)
        calls = polycall.from_client(genai_client(server), async_client=False).create(
            MESSAGES, list[Pick], model=MODEL, config=stated, temperature=0.5, seed=1, http_options={"timeout": 9000}
        )

    assert sorted(told_of(calls)) == [
        ("options.config.http_options", None, None),
        ("options.config.temperature", 0.25, 0.5),
    ]


def test_so_is_a_time_limit() -> None:
    with VertexRestServer() as server:
        server.enqueue(GOOD)
        client = polycall.from_client(genai_client(server), async_client=False)
        calls = client.create(MESSAGES, list[Pick], model=MODEL, http_options={"timeout": 9000}, timeout=8)

    assert told_of(calls) == [("options.http_options.timeout", 9000, 8000)]


@pytest.mark.parametrize("inside", ["default", "call"])
def test_a_default_that_yields_to_the_call_is_not_a_contradiction(wire: Wire, inside: str) -> None:
    wire.enqueue(GOOD)
    flat: dict[str, Any] = {"temperature": 0.5 if inside == "default" else 0.25}
    within: dict[str, Any] = {"generation_config": {"temperature": 0.25 if inside == "default" else 0.5}}
    default, own = (within, flat) if inside == "default" else (flat, within)
    client = polycall.from_vertexai(wire.sdk_client(), options=default)

    calls = client.create(MESSAGES, list[Pick], model=wire.model, **own)

    assert in_rest_spelling(wire.bodies[-1])["generationConfig"] == {"temperature": 0.5}
    assert told_of(calls) == []


def test_the_sdks_own_configuration_objects(wire: Wire) -> None:
    from vertexai.generative_models import GenerationConfig

    config: Any = types.GenerationConfig(temperature=0.5) if wire.kind == "genai" else GenerationConfig(temperature=0.5)

    assert body_of(wire, generation_config=config)["generationConfig"] == {"temperature": 0.5}


@pytest.mark.parametrize(
    "settings",
    [
        {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"},
        [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        {types.HarmCategory.HARM_CATEGORY_HARASSMENT: types.HarmBlockThreshold.BLOCK_NONE},
    ],
)
def test_safety_settings_and_labels(wire: Wire, settings: object) -> None:
    body = body_of(wire, safety_settings=settings, labels={"team": "a_b"})

    [sent] = body["safetySettings"]
    assert sent in (
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
        {"category": 3, "threshold": 4},
    )
    assert body["labels"] == {"team": "a_b"}


def test_the_system_instruction_stands_before_the_system_messages(wire: Wire) -> None:
    wire.enqueue(GOOD)
    messages = [{"role": "system", "content": "b"}, *MESSAGES]

    wire.client().create(messages, list[Pick], model=wire.model, system_instruction="a")

    assert wire.bodies[0]["systemInstruction"]["parts"] == [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temprature": 1}, "Did you mean 'temperature'"),
        ({"tools": []}, "the tools come from response_model"),
        ({"generation_config": {"temprature": 1}}, "Did you mean 'temperature'"),
        ({"generation_config": 3}, "generation_config must be"),
        ({"temperature": "warm"}, "rejects? the option"),
        ({"safety_settings": "none"}, "safety_settings must be"),
        ({"timeout": -1}, "timeout must be"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_before_anything_is_sent(
    wire: Wire, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(polycall.ConfigurationError, match=words):
        wire.client().create(MESSAGES, list[Pick], model=wire.model, **options)

    assert wire.bodies == []


def test_a_whole_config_and_http_options_of_genai(rest: VertexRestServer) -> None:
    rest.enqueue(GOOD)
    config = types.GenerateContentConfig(temperature=0.5, thinking_config=types.ThinkingConfig(thinking_budget=0))

    polycall.from_vertexai(genai_client(rest)).create(
        MESSAGES,
        list[Pick],
        MODEL,
        config=config,
        timeout=7,
        http_options={"headers": {"x-team": "a"}, "extra_body": {"newThing": {"a": 1}}},
    )

    [request] = rest.requests
    assert request.body["generationConfig"] == {"temperature": 0.5, "thinkingConfig": {"thinking_budget": 0}}
    assert request.body["newThing"] == {"a": 1}
    assert (request.headers["x-team"], request.headers["x-server-timeout"]) == ("a", "7")


@pytest.mark.parametrize("streamed", [False, True])
def test_options_of_one_call_are_not_those_of_the_next(wire: Wire, streamed: bool) -> None:
    """What is rendered once for equal options is no other call's: ``True``, ``1`` and ``1.0`` are not equal here."""
    client = wire.client()
    asked: list[tuple[list[dict[str, str]], dict[str, Any]]] = [
        (MESSAGES, {"temperature": 0.5, "system_instruction": "a"}),
        (MESSAGES, {}),
        ([{"role": "user", "content": "other"}], {"labels": {"a": "b"}, "temperature": 1}),
        (MESSAGES, {"temperature": 0.5, "system_instruction": "b"}),
        (MESSAGES, {"tool_choice": "Pick"}),
        (MESSAGES, {"model": "gemini-other"}),
        (MESSAGES, {}),
    ]

    for messages, options in asked:
        wire.enqueue([GOOD] if streamed else GOOD)
        given: dict[str, Any] = {"model": wire.model, **options}
        if streamed:
            client.stream(messages, list[Pick | Ping], **given).collect()
        else:
            client.create(messages, list[Pick | Ping], **given)

    bodies = in_rest_spelling(list(wire.bodies))
    assert [body["contents"][0]["parts"][0]["text"] for body in bodies] == ["hi", "hi", "other", *["hi"] * 4]
    assert [body.get("generationConfig") or None for body in bodies] == [
        {"temperature": 0.5}, None, {"temperature": 1}, {"temperature": 0.5}, None, None, None
    ]  # fmt: skip
    systems = [body["systemInstruction"]["parts"] if "systemInstruction" in body else None for body in bodies]
    assert systems == [[{"text": "a"}], None, None, [{"text": "b"}], None, None, None]
    names = [body["toolConfig"]["functionCallingConfig"].get("allowedFunctionNames") for body in bodies]
    assert names == [None, None, None, None, ["Pick"], None, None]
    assert bodies[1] == bodies[6]


def test_schemas_that_the_subset_cannot_say_go_as_json_schema(wire: Wire) -> None:
    class Table(BaseModel):
        by_name: dict[str, int]

    wire.enqueue(candidate(call("Table", {"by_name": {"a": 1}}), finishReason="STOP"))

    assert list(wire.client().create(MESSAGES, list[Table], model=wire.model)) == [Table(by_name={"a": 1})]
    [tool] = in_rest_spelling(wire.bodies[0])["tools"]
    [declaration] = tool["functionDeclarations"]
    assert declaration["parametersJsonSchema"]["properties"]["by_name"]["additionalProperties"] == {"type": "integer"}
