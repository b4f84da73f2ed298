"""What the caller says in several places is merged, refused, or recorded as an adaptation: never dropped in silence."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types
from pydantic import BaseModel

import polycall
from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_rest_server import VertexRestServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import KINDS, MODEL, Wire, call, candidate, genai_client, generative_model, init_vertexai


class Pick(BaseModel):
    n: int


class Ping(BaseModel):
    """Takes nothing."""


MESSAGES = [{"role": "user", "content": "hi"}]
WITH_SYSTEM = [{"role": "system", "content": "c"}, *MESSAGES]
GOOD = candidate(call("Pick", {"n": 1}), finishReason="STOP")
MODES = {1: "AUTO", 2: "ANY", 3: "NONE", 5: "VALIDATED"}
"""Over REST the older SDK writes enums as numbers."""
only_models = pytest.mark.parametrize("wire", [kind for kind in KINDS if kind != "genai"], indirect=True)


def ask(wire: Wire, messages: Any = MESSAGES, **options: Any) -> tuple[dict[str, Any], polycall.Calls[Any]]:
    """The body of the request, and the calls."""
    wire.enqueue(GOOD)
    calls: polycall.Calls[Any] = wire.client().create(messages, list[Pick | Ping], **{"model": wire.model, **options})
    body: dict[str, Any] = in_rest_spelling(wire.bodies[-1])
    return body, calls


def ask_model(wire: Wire, messages: Any = MESSAGES, *, model: Any, **options: Any) -> Any:
    """As `ask`, with a model of one's own."""
    wire.made.append(model)
    wire.enqueue(GOOD)
    calls = polycall.from_vertexai(model).create(messages, list[Pick | Ping], **options)
    return in_rest_spelling(wire.bodies[-1]), calls


# -- system instructions: instructor#1531, python-aiplatform#4988 ------------------------------------------------------


def test_the_instruction_of_a_config_stays_before_that_of_the_messages(rest: VertexRestServer) -> None:
    config = types.GenerateContentConfig(system_instruction="a")

    body, _ = ask(Wire("genai", rest), WITH_SYSTEM, config=config, system_instruction=["b"])

    assert body["systemInstruction"]["parts"] == [{"text": "a"}, {"text": "b"}, {"text": "c"}]


@only_models
def test_the_instruction_of_a_model_stays_before_that_of_the_messages(wire: Wire) -> None:
    init_vertexai(wire.server)

    body, _ = ask_model(wire, WITH_SYSTEM, model=generative_model(system_instruction="a"), system_instruction="b")

    assert body["systemInstruction"]["parts"] == [{"text": "a"}, {"text": "b"}, {"text": "c"}]


# -- tools of the service ----------------------------------------------------------------------------------------------


def test_tools_of_the_service_are_sent_next_to_the_functions(wire: Wire) -> None:
    body, calls = ask(wire, tools=[{"google_search": {}}])

    functions, search = sorted(body["tools"], key=lambda tool: "googleSearch" in tool)  # the SDK puts functions last
    assert [one["name"] for one in functions["functionDeclarations"]] == ["Pick", "Ping"]
    assert search == {"googleSearch": {}}
    assert list(calls) == [Pick(n=1)]


def test_those_of_a_config_too(rest: VertexRestServer) -> None:
    config = types.GenerateContentConfig(tools=[types.Tool(url_context=types.UrlContext())])

    body, _ = ask(Wire("genai", rest), config=config)

    assert {"urlContext": {}} in body["tools"]
    assert len(body["tools"]) == 2


@only_models
def test_those_of_a_model_too_and_its_functions_are_an_adaptation(wire: Wire) -> None:
    from vertexai.generative_models import FunctionDeclaration, Tool

    init_vertexai(wire.server)
    own = FunctionDeclaration(name="own", parameters={"type": "object", "properties": {"a": {"type": "string"}}})
    search = Tool.from_dict({"google_search": {}})  # type: ignore[no-untyped-call,unused-ignore]
    model = generative_model(tools=[Tool(function_declarations=[own]), search])

    body, calls = ask_model(wire, model=model)

    assert body["tools"][1:] == [{"googleSearch": {}}]
    [adaptation] = [one for one in calls.adaptations if one.setting == "GenerativeModel.tools"]
    assert (adaptation.kind, adaptation.given) == ("dropped", ["own"])


@pytest.mark.parametrize("tools", [[], [{"function_declarations": [{"name": "f"}]}], [print], "search", [{}]])
def test_functions_of_ones_own_belong_in_response_model(wire: Wire, tools: object) -> None:
    with pytest.raises(polycall.ConfigurationError, match="the tools come from response_model"):
        ask(wire, tools=tools)

    assert wire.bodies == []


# -- the mode of function calling: tensorzero#4872, tensorzero#2329, pydantic-ai ---------------------------------------


@pytest.mark.parametrize(
    ("choice", "stated", "sent"),
    [
        ("auto", {"allowed_function_names": ["Pick"]}, {"mode": "VALIDATED", "allowedFunctionNames": ["Pick"]}),
        (
            "auto",
            {"mode": "AUTO", "allowed_function_names": ["Pick"]},
            {"mode": "VALIDATED", "allowedFunctionNames": ["Pick"]},
        ),
        ("auto", {"mode": "VALIDATED"}, {"mode": "VALIDATED"}),
        ("required", {"mode": "VALIDATED"}, {"mode": "VALIDATED"}),
        ("required", {"allowed_function_names": ["Pick"]}, {"mode": "ANY", "allowedFunctionNames": ["Pick"]}),
        ("Pick", {"allowed_function_names": ["Pick", "Ping"]}, {"mode": "ANY", "allowedFunctionNames": ["Pick"]}),
    ],
)
def test_a_mode_that_the_caller_states_stays(
    wire: Wire, choice: str, stated: dict[str, Any], sent: dict[str, Any]
) -> None:
    body, _ = ask(wire, tool_choice=choice, tool_config={"function_calling_config": stated})

    config = body["toolConfig"]["functionCallingConfig"]
    assert {**config, "mode": MODES.get(config["mode"], config["mode"])} == sent


@pytest.mark.parametrize(
    ("choice", "stated"),
    [
        ("auto", {"mode": "ANY"}),
        ("auto", {"mode": "NONE"}),
        ("required", {"mode": "AUTO"}),
        ("Pick", {"mode": "VALIDATED"}),
        ("Pick", {"allowed_function_names": ["Ping"]}),
        ("auto", {"allowed_function_names": ["Pong"]}),
    ],
)
def test_a_contradiction_is_refused(wire: Wire, choice: str, stated: dict[str, Any]) -> None:
    with pytest.raises(polycall.ConfigurationError, match=r"contradicts tool_choice|is not a tool of response_model"):
        ask(wire, tool_choice=choice, tool_config={"function_calling_config": stated})

    assert wire.bodies == []


def test_what_is_sent_in_place_of_a_mode_is_recorded(wire: Wire) -> None:
    _, none = ask(wire, tool_config={"function_calling_config": {"mode": "NONE"}})
    _, weaker = ask(wire, tool_config={"function_calling_config": {"mode": "VALIDATED"}})

    assert [(one.setting, one.given, one.sent) for one in none.adaptations] == [
        ("options.tool_config.mode", "NONE", "ANY")
    ]
    assert [(one.setting, one.kind, one.sent) for one in weaker.adaptations] == [
        ("tool_choice", "client_side", "VALIDATED")
    ]


# -- cached content: litellm#17304 -------------------------------------------------------------------------------------

CACHE = "projects/p/locations/us-central1/cachedContents/7"


@pytest.mark.parametrize("where", ["option", "config"])
def test_with_cached_content_neither_tools_nor_instruction_are_sent(rest: VertexRestServer, where: str) -> None:
    given: Any = {"cached_content": CACHE}
    options = given if where == "option" else {"config": types.GenerateContentConfig(**given)}

    body, calls = ask(Wire("genai", rest), **options)

    # The SDK itself sends an empty generationConfig.
    sent = {name: value for name, value in body.items() if value}
    assert sent == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "cachedContent": CACHE}
    assert list(calls) == [Pick(n=1)]
    assert [(one.setting, one.kind) for one in calls.adaptations] == [
        ("tools", "dropped"),
        ("tool_choice", "client_side"),
    ]


def test_calls_beside_cached_content_are_validated(rest: VertexRestServer) -> None:
    rest.enqueue(candidate(call("Pick", {"n": "x"}), finishReason="STOP"))

    with pytest.raises(polycall.InvalidCallsError):
        polycall.from_vertexai(genai_client(rest)).create(
            MESSAGES, list[Pick], MODEL, max_retries=0, cached_content=CACHE
        )


@only_models
def test_a_model_of_cached_content(wire: Wire) -> None:
    init_vertexai(wire.server)
    model: Any = generative_model()
    model._cached_content = type("CachedContent", (), {"resource_name": CACHE})()

    body, calls = ask_model(wire, model=model)

    assert body["cachedContent"] == CACHE
    assert not {"tools", "toolConfig", "systemInstruction"} & set(body)
    assert list(calls) == [Pick(n=1)]


@pytest.mark.parametrize(
    "options",
    [
        {"system_instruction": "a"},
        {"tools": [{"google_search": {}}]},
        {"tool_config": {"function_calling_config": {"mode": "ANY"}}},
    ],
)
def test_what_the_cache_must_hold_is_refused(rest: VertexRestServer, options: dict[str, Any]) -> None:
    with pytest.raises(polycall.ConfigurationError, match="with cached_content"):
        ask(Wire("genai", rest), cached_content=CACHE, **options)
    with pytest.raises(polycall.MessageError, match="With cached_content"):
        ask(Wire("genai", rest), WITH_SYSTEM, cached_content=CACHE)

    assert rest.requests == []


# -- options -----------------------------------------------------------------------------------------------------------


def test_neutral_options(wire: Wire) -> None:
    body, _ = ask(wire, max_tokens=9, temperature=0.5, top_p=0.25, stop="END", seed=7)

    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.25,
        "stopSequences": ["END"],
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_tokens": 1, "max_output_tokens": 2}, "are the same option"),
        ({"max_completion_tokens": 1}, "Did you mean 'max_output_tokens'"),
        ({"extra_headers": {"x": "a\nb"}}, "line break"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"timeout": float("inf")}, "timeout must be"),
        ({"contents": []}, "the contents come from messages"),
        ({"safety_settings": [{"category": 3, "threshold": []}]}, "rejects the option"),
        ({"system_instruction": {"parts": [3]}}, "system_instruction must be"),
        ({"tool_config": {"function_calling_config": 3}}, "function_calling_config must be a dict"),
        ({"tool_config": {"function_calling_config": {"mode": 5}}}, "the mode must be a name"),
    ],
)
def test_options_that_cannot_be_sent(wire: Wire, options: dict[str, Any], words: str) -> None:
    with pytest.raises(polycall.ConfigurationError, match=words):
        ask(wire, **options)

    assert wire.bodies == []


def test_headers_of_one_call(wire: Wire) -> None:
    ask(wire, extra_headers={"X-Team": "a"})
    ask(wire)

    headers = [getattr(one, "headers", None) or getattr(one, "metadata", {}) for one in wire.server.requests]
    assert [one.get("x-team") for one in headers] == ["a", None]


def test_settings_of_a_new_client_are_refused_for_one_that_was_handed_in(
    rest: VertexRestServer, grpc_server: VertexGrpcServer
) -> None:
    with pytest.raises(polycall.ConfigurationError, match="project"):
        polycall.from_vertexai(genai_client(rest), project="p")
    init_vertexai(grpc_server)
    with pytest.raises(polycall.ConfigurationError, match="base_url"):
        polycall.from_vertexai(generative_model(), base_url="http://x")
