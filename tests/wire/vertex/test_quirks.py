"""What Gemini on Vertex AI really takes and sends, each with the public report of it, through every SDK.

What another test shows names its source there: streamed arguments in ``test_streams``, the end of a reply in
``test_faults``, the history in ``test_corrections`` and ``unit/vertex``, schemas in ``unit/schema``.
"""

from __future__ import annotations

from typing import Any, Literal

import pytest
from google.cloud.aiplatform_v1beta1 import types
from google.protobuf import json_format
from pydantic import BaseModel, Field

import polycall
from polycall.plugin import render_schema
from polycall_vertex._protocol.schema import VERTEX_SUBSET
from support.schema_models import spec_of
from support.vertex_grpc_server import VertexGrpcServer
from support.vertex_spelling import in_rest_spelling
from support.vertex_wires import Wire, call, candidate


class Pick(BaseModel):
    n: int


class Ping(BaseModel):
    """Takes nothing."""


MESSAGES = [{"role": "user", "content": "hi"}]
GOOD = call("Pick", {"n": 1})


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def ask(wire: Wire, streamed: bool, response_model: Any = list[Pick], **options: Any) -> polycall.Calls[Any]:
    client = wire.client()
    options = {"max_retries": 0, "model": wire.model, **options}
    if streamed:
        return client.stream(MESSAGES, response_model, **options).collect()
    calls: polycall.Calls[Any] = client.create(MESSAGES, response_model, **options)
    return calls


# -- declarations ------------------------------------------------------------------------------------------------------


class Trip(BaseModel):
    """Says what the service's ``Schema`` has no words for."""

    constant: Literal["a"]
    above: int = Field(gt=1, multiple_of=3, examples=[6])
    level: Literal[1, 2]
    maybe: str | None = None
    tags: set[str]
    either: Pick | str | None = Field(None, title="One of two", description="Either.")


def test_a_schema_has_only_fields_of_the_services_message() -> None:
    """Any other makes the service refuse the request: 'Unknown name "exclusiveMinimum" ...: Cannot find field'.

    pizza-bot-app/pizza-bot#62, zed#44875, zed#29400, freellmapi#65, 9router#2309. The older SDK fails before sending.
    """
    schema = render_schema(spec_of(Trip), VERTEX_SUBSET).schema

    message = json_format.ParseDict({"parameters": schema}, types.FunctionDeclaration.pb()())

    assert sorted(message.parameters.properties) == sorted(Trip.model_fields)


def test_null_and_unions_stand_as_older_services_take_them() -> None:
    """``nullable`` without a second type (google_workspace_mcp#1099); nothing beside ``anyOf`` (gcli2api#374); enums
    are strings (OmniRoute#760, azure-devops-mcp#139) and have a type (9router#380)."""
    schema: Any = render_schema(spec_of(Trip), VERTEX_SUBSET).schema
    fields = schema["properties"]

    assert fields["maybe"] == {"type": "STRING", "nullable": True}
    assert list(fields["either"]) == ["anyOf"]
    assert [one["nullable"] for one in fields["either"]["anyOf"]] == [True, True]
    assert fields["constant"] == {"type": "STRING", "enum": ["a"]}
    assert fields["level"] == {"type": "INTEGER", "description": "(one of: 1, 2)"}


def test_all_functions_are_declared_in_one_tool_and_without_empty_parameters(wire: Wire) -> None:
    """Google_GenerativeAI#56; "properties: should be non-empty for OBJECT type" (pipecat-flows#110)."""
    wire.enqueue(candidate(GOOD, call("Ping"), finishReason="STOP"))

    assert list(ask(wire, False, list[Pick | Ping])) == [Pick(n=1), Ping()]

    [tool] = wire.bodies[0]["tools"]
    assert [(one["name"], "parameters" in one) for one in tool["functionDeclarations"]] == [
        ("Pick", True),
        ("Ping", False),
    ]


def test_there_is_no_switch_for_parallel_calls(wire: Wire) -> None:
    """docker-agent#2959, langchain-google#816: better an error than a switch that does nothing."""
    with pytest.raises(polycall.ConfigurationError, match="has no 'parallel_tool_calls'"):
        ask(wire, False, parallel_tool_calls=False)

    assert wire.bodies == []


# -- replies -----------------------------------------------------------------------------------------------------------


def test_every_call_of_every_chunk_counts_though_the_reason_is_stop(wire: Wire) -> None:
    """One call a chunk, without an index (brainlid/langchain#620), merged by place in ``ChatSession`` of the older
    SDK, which loses the second; STOP with calls (litellm#10485)."""
    wire.enqueue([candidate(GOOD), candidate(call("Pick", {"n": 2})), candidate(finishReason="STOP")])

    calls = ask(wire, streamed=True)

    assert (list(calls), calls.finish_reason) == ([Pick(n=1), Pick(n=2)], polycall.FinishReason.STOP)


def test_a_call_may_have_no_arguments(wire: Wire, streamed: bool) -> None:
    """vercel/ai#14847; ``args`` of the older SDK raises a KeyError."""
    reply = candidate(call("Ping"), finishReason="STOP")
    wire.enqueue([reply] if streamed else reply)

    calls = ask(wire, streamed, list[Ping])

    assert (list(calls), calls.tool_calls[0].arguments) == ([Ping()], {})


class Underscored(BaseModel):
    type_: int
    class_: dict[str, int]


def test_names_of_arguments_keep_their_underscore_at_the_end(wire: Wire, streamed: bool) -> None:
    """proto-plus takes it off: ``args`` of the older SDK has "type" and "class" (google-cloud-aiplatform 2.7)."""
    reply = candidate(call("Underscored", {"type_": 1, "class_": {"a_": 2}}), finishReason="STOP")
    wire.enqueue([reply] if streamed else reply)

    assert list(ask(wire, streamed, list[Underscored])) == [Underscored(type_=1, class_={"a_": 2})]


@pytest.mark.parametrize("prefix", ["default_api.", "default_api:"])
def test_a_name_space_before_a_tools_name_is_taken_off_and_echoed(wire: Wire, streamed: bool, prefix: str) -> None:
    """Gitlawb/openclaude#67."""
    replies = [candidate(call(f"{prefix}Pick", {"n": n}), finishReason="STOP") for n in ("?", 1)]
    wire.enqueue(*([reply] if streamed else reply for reply in replies))

    assert list(ask(wire, streamed, max_retries=1)) == [Pick(n=1)]

    _, turn, answers = in_rest_spelling(wire.bodies[1])["contents"]
    assert turn["parts"][0]["functionCall"]["name"] == f"{prefix}Pick"
    assert answers["parts"][0]["functionResponse"]["name"] == f"{prefix}Pick"


@pytest.mark.parametrize("number", [0, 3, 2**53 - 1])
def test_whole_numbers_are_integers_again_also_in_a_strict_model(wire: Wire, streamed: bool, number: int) -> None:
    """``google.protobuf.Struct`` carries doubles, and a strict integer refuses 3.0."""

    class Strict(BaseModel, strict=True):
        n: int
        x: float

    reply = candidate(call("Strict", {"n": float(number), "x": float(number)}), finishReason="STOP")
    wire.enqueue([reply] if streamed else reply)

    [made] = ask(wire, streamed, list[Strict])

    assert (repr(made.n), repr(made.x)) == (repr(number), repr(float(number)))


def test_a_finish_reason_that_the_sdk_knows_by_number_only(grpc_server: VertexGrpcServer, streamed: bool) -> None:
    """The message of v1 lacks the newer reasons; their numbers arrive as they are (google-cloud-aiplatform 2.7)."""
    reply = json_format.ParseDict(candidate(GOOD), types.GenerateContentResponse.pb()())
    reply.candidates[0].finish_reason = 4711
    body = reply.SerializeToString()
    grpc_server.enqueue([body] if streamed else body)

    with pytest.raises(polycall.IncompleteOutputError) as caught:  # nobody knows that number
        ask(Wire("model over gRPC", grpc_server), streamed)

    calls = caught.value.calls
    assert (list(calls), calls.finish_reason) == ([Pick(n=1)], polycall.FinishReason.OTHER)


def end(wire: Wire, reason: str) -> str | int:
    """A finish reason as it reaches the SDK: one that the older SDK cannot name travels as its number."""
    return 15 if reason == "UNEXPECTED_TOOL_CALL" and wire.kind != "genai" else reason


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_a_call_that_the_service_could_not_read_is_a_failure_with_its_words(
    wire: Wire, streamed: bool, reason: str
) -> None:
    """No content, and what the model wrote in the finish message: python-genai#430, python-genai#1836,
    langchain-google#725; without tools too: langchainjs#8589."""
    reply = {"candidates": [{"finishReason": end(wire, reason), "finishMessage": "print(default_api.Pick(n=1))"}]}
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.InvalidCallsError) as caught:
        ask(wire, streamed)

    [failure] = caught.value.failures
    assert failure.tool_call.arguments == "print(default_api.Pick(n=1))"
    assert reason in failure.reason


def test_an_unexpected_call_that_came_with_its_part_speaks_for_itself(wire: Wire, streamed: bool) -> None:
    """ai-dial-adapter-vertexai#325."""
    reply = candidate(GOOD, call("Pong"), finishReason=end(wire, "UNEXPECTED_TOOL_CALL"), finishMessage="Pong")
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.InvalidCallsError) as caught:
        ask(wire, streamed)

    assert list(caught.value.calls) == [Pick(n=1)]
    assert [failure.tool_call.name for failure in caught.value.failures] == ["Pong"]


def test_a_stopped_reply_without_content_is_no_reply_without_calls(wire: Wire, streamed: bool) -> None:
    """A candidate without content: ``function_calls`` of google-genai is None then, ``text`` of the older SDK an
    AttributeError."""
    reply = {"candidates": [{"finishReason": "SAFETY"}]}
    wire.enqueue([reply] if streamed else reply)

    with pytest.raises(polycall.RefusalError, match="SAFETY"):
        ask(wire, streamed, tool_choice="auto")


# -- the history -------------------------------------------------------------------------------------------------------


def test_as_many_responses_as_calls_in_one_content_and_the_signature_on_its_part(wire: Wire, streamed: bool) -> None:
    """ "number of function response parts is equal to the number of function call parts": pydantic-ai#580,
    semantic-kernel#10597, eino-ext#572, gemini-cli#16135, llumiverse#620. The signature is on the first call of a batch
    only, and must come back there: pipecat#3420. No ids where none came: vercel/ai#15664, fantasy#265."""
    calls = [call("Pick", {"n": 1}, thoughtSignature="AAEC/w=="), call("Pick", {"n": 2}), call("Pick", {"n": "?"})]
    if streamed:
        wire.enqueue([candidate(one) for one in calls] + [candidate(finishReason="STOP")])
        wire.enqueue([candidate(call("Pick", {"n": 3}), finishReason="STOP")])
    else:
        wire.enqueue(candidate(*calls, finishReason="STOP"), candidate(call("Pick", {"n": 3}), finishReason="STOP"))

    assert [one.n for one in ask(wire, streamed, max_retries=1)] == [1, 2, 3]

    question, turn, answers = in_rest_spelling(wire.bodies[1])["contents"]
    assert [one["role"] for one in (question, turn, answers)] == ["user", "model", "user"]
    assert turn["parts"] == calls
    assert [list(part) for part in answers["parts"]] == [["functionResponse"]] * 3
    assert [list(part["functionResponse"]["response"]) for part in answers["parts"]] == [["output"]] * 2 + [["error"]]
    assert not any("id" in part["functionResponse"] for part in answers["parts"])
