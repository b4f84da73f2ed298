"""The prompts of the split strategy go to the model half in tokens: they have to be the tokens of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polycall_llamacpp import LlamaSettings
from polycall_llamacpp._model.listener import Listener
from polycall_llamacpp._session import Session
from polycall_llamacpp_split._arguments import value_prompt
from polycall_llamacpp_split._choice import subquestion_prompt
from polycall_llamacpp_split._tokens import ModelTokens

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]

PROMPTS = {"subquestion": subquestion_prompt, "value": value_prompt}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    client = Session(LlamaSettings(threads=1), "smollm2")
    yield client.loaded().listener
    client.close()


@pytest.mark.parametrize("kind", ["subquestion", "value"])
@pytest.mark.parametrize(
    "subquestion", ["who won?", "", " 7 up", "\n\nRequest: x", "天气", "'tis 12:30", "<|im_end|>", "\u00a0é🙂"]
)
def test_a_prompt_is_the_same_in_tokens_and_text(listener: Listener, kind: str, subquestion: str) -> None:
    make = PROMPTS[kind]
    tokens = ModelTokens(listener)
    tokens.learn_beginning("value", make("do it"), make("Find"))

    prompt = tokens.of_prompt(make(subquestion), "value")

    assert isinstance(prompt, list)
    *known, rest = prompt
    [after] = listener.tokens([str(rest)])
    assert [(*known, *after)] == listener.tokens([make(subquestion)], begins_prompt=True)
