"""The prompts of the split strategy go to the model half in tokens: they have to be the tokens of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polycall_llamacpp import LlamaSettings
from polycall_llamacpp._client import LlamaClient
from polycall_llamacpp._listener import Listener
from polycall_llamacpp._split._arguments import value_prompt
from polycall_llamacpp._split._choice import request_prompt
from polycall_llamacpp._split._tokens import ModelTokens

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]

PROMPTS = {"request": request_prompt, "value": value_prompt}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    client = LlamaClient(LlamaSettings(threads=1), "smollm2")
    yield client.loaded().listener
    client.close()


@pytest.mark.parametrize("kind", ["request", "value"])
@pytest.mark.parametrize(
    "request_", ["who won?", "", " 7 up", "\n\nRequest: x", "天气", "'tis 12:30", "<|im_end|>", "\u00a0é🙂"]
)
def test_a_prompt_is_the_same_in_tokens_and_text(listener: Listener, kind: str, request_: str) -> None:
    make = PROMPTS[kind]
    tokens = ModelTokens(listener)
    tokens.learn_beginning("value", make("do it"), make("Find"))

    prompt = tokens.of_prompt(make(request_), "value")

    assert isinstance(prompt, list)
    *known, rest = prompt
    [after] = listener.tokens([str(rest)])
    assert [(*known, *after)] == listener.tokens([make(request_)], begins_prompt=True)
