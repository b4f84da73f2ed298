"""A ``GenerativeModel`` whose public methods somebody has wrapped: the wrapper sees a normal call, and what it changes
is sent. All other tests of this folder run with such a wrapper, too (see ``seen``)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import polycall
from support.vertex_wires import KINDS, Wire, call, candidate, generative_model, init_vertexai


class Pick(BaseModel):
    n: int


MODELS = [kind for kind in KINDS if kind != "genai"]
MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
only_models = pytest.mark.parametrize("wire", MODELS, indirect=True)
GOOD = candidate(call("Pick", {"n": 1}), finishReason="STOP")


@pytest.fixture(params=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "streamed")


def ask(client: polycall.Client, streamed: bool, messages: list[dict[str, str]], **options: Any) -> list[Pick]:
    if streamed:
        return list(client.stream(messages, list[Pick], **options))
    return list(client.create(messages, list[Pick], **options))


@only_models
def test_a_wrapper_of_the_class_sees_a_normal_call(wire: Wire, streamed: bool, seen: list[dict[str, Any]]) -> None:
    wire.enqueue([GOOD] if streamed else GOOD)

    assert ask(wire.client(), streamed, MESSAGES, temperature=0.5, labels={"team": "a"}, timeout=5) == [Pick(n=1)]

    [body] = wire.bodies
    assert body["systemInstruction"]["parts"] == [{"text": "be brief"}]
    if seen is None:
        return
    [arguments] = seen
    [content] = arguments["contents"]
    [tool] = arguments["tools"]
    assert (content.role, content.parts[0].text) == ("user", "hi")
    assert [one.name for one in tool._raw_tool.function_declarations] == ["Pick"]
    assert arguments["generation_config"].temperature == 0.5
    assert (arguments["labels"], arguments["stream"]) == ({"team": "a"}, streamed)


@pytest.mark.parametrize("async_wire", ["model over gRPC"], indirect=True)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_wrapper_of_one_object_sees_the_call_and_what_it_changes_is_sent(
    async_wire: Wire, streamed: bool, asynchronous: bool
) -> None:
    async_wire.enqueue([GOOD] if streamed else GOOD)
    init_vertexai(async_wire.server)
    model: Any = generative_model(system_instruction="be brief")
    async_wire.made.append(model)
    name = "generate_content_async" if asynchronous else "generate_content"
    original = getattr(model, name)
    setattr(model, name, lambda _contents=None, **given: original(**given | {"contents": "redacted"}))

    client: Any = polycall.from_vertexai(model, use_async=True) if asynchronous else polycall.from_vertexai(model)
    if not asynchronous:
        assert ask(client, streamed, MESSAGES[1:]) == [Pick(n=1)]
    elif streamed:
        assert [one async for one in client.stream(MESSAGES[1:], list[Pick])] == [Pick(n=1)]
    else:
        assert list(await client.create(MESSAGES[1:], list[Pick])) == [Pick(n=1)]

    [body] = async_wire.bodies
    assert body["contents"] == [{"role": "user", "parts": [{"text": "redacted"}]}]
    assert body["systemInstruction"]["parts"] == [{"text": "be brief"}]


@only_models
@pytest.mark.parametrize("options", [{"timeout": 5}, {"model": "gemini-other"}, {"system_instruction": "be brief"}])
def test_what_the_public_methods_cannot_take_goes_past_a_wrapper_of_one_object(
    wire: Wire, options: dict[str, Any]
) -> None:
    """A copy of the model would leave the wrapper behind, and without them the model would be asked something else."""
    wire.enqueue(GOOD)
    init_vertexai(wire.server)
    model: Any = generative_model()
    wire.made.append(model)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked without them")

    model.generate_content = refuse

    assert ask(polycall.from_vertexai(model), False, MESSAGES[1:], **options) == [Pick(n=1)]


@only_models
def test_the_raw_response_is_the_one_that_the_wrapper_saw(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.enqueue(GOOD)
    given: list[object] = []
    from vertexai.generative_models import GenerativeModel

    original: Any = GenerativeModel.generate_content

    def noting(*arguments: Any, **named: Any) -> object:
        given.append(original(*arguments, **named))
        return given[-1]

    monkeypatch.setattr(GenerativeModel, "generate_content", noting)

    calls: polycall.Calls[Pick] = wire.client().create(MESSAGES, list[Pick])

    assert calls.raw_response is given[0]
