"""llama.cpp's own tool calling: the same weights with a chat template that knows tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

import polycall

from .conftest import QUESTION, THREADS, GoogleSearch, Weather

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("model")]

TEMPLATE = """\
{%- macro turn(role, text) -%}
<|im_start|>{{ role }}
{{ text }}<|im_end|>
{% endmacro -%}
{%- if tools -%}
<|im_start|>system
Functions:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}Call them like this:
<tool_call>
{"name": "the name", "arguments": {}}
</tool_call><|im_end|>
{% endif -%}
{%- for message in messages -%}
{%- if message.role == "assistant" and message.tool_calls -%}
<|im_start|>assistant
{% for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{% endfor %}<|im_end|>
{% elif message.role == "tool" -%}
{{ turn("user", "<tool_response>\n" + message.content + "\n</tool_response>") }}
{%- else -%}
{{ turn(message.role, message.content) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""


@pytest.fixture(scope="module")
def client() -> Iterator[polycall.Client]:
    with polycall.from_provider("llamacpp/smollm2", chat_template=TEMPLATE, n_ctx=2048, threads=THREADS) as client:
        yield client


def test_the_template_is_noticed(client: polycall.Client) -> None:
    facts = client._hooks.session.loaded().facts

    assert facts.knows_tools
    assert facts.call_prefix == "<tool_call>\n"


def test_calls_are_required_and_come_typed(client: polycall.Client) -> None:
    """The model alone would chat; the call is begun for it. How many it makes is its own affair."""
    with client.stream(QUESTION, Iterable[Weather | GoogleSearch], max_tokens=200) as stream:
        first = next(stream)

    assert isinstance(first, Weather | GoogleSearch)


def test_a_reply_that_is_cut_off_keeps_its_complete_calls(client: polycall.Client) -> None:
    with pytest.raises(polycall.IncompleteOutputError) as caught:
        client.create(QUESTION, Iterable[Weather], max_tokens=12)

    assert len(caught.value.calls) == 0
    assert [call.name for call in caught.value.cut_off] == ["Weather"]


def test_a_free_choice_allows_text(client: polycall.Client) -> None:
    with client.stream(
        [{"role": "user", "content": "Say hello."}],
        Iterable[GoogleSearch],
        tool_choice="auto",
        deltas=True,
        max_tokens=100,
    ) as stream:
        first = next(stream.events())

    assert isinstance(first, polycall.TextDelta | polycall.CallStarted)


def test_earlier_calls_and_results_are_rendered(client: polycall.Client) -> None:
    messages = [
        *QUESTION,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a1", "type": "function", "function": {"name": "Weather", "arguments": '{"location":"Rome"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "a1", "content": "Error: units: Field required"},
    ]

    with client.stream(messages, Iterable[Weather], max_tokens=100) as stream:
        assert isinstance(next(stream), Weather)
