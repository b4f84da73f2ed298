"""What an OpenAI server sends: whole replies and the events of streams, as bytes. Imports no SDK."""

from __future__ import annotations

import json
import random
import re
import string
import sys
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from support.openai_replies import USAGE, Call, chunks, completion, sse
from support.openai_responses import events, output_items, response, typed_sse

JsonObject = dict[str, Any]

CALLS_OF_A_STREAM = 3
_SENTENCE = 'who won the super bowl in nineteen ninety-four, and what "is" the weather like in Montréal today?\n'
_TOKEN = re.compile(r" ?\w+|[^\w\s]+|\s+")
_WHOLE = 10**9


def some_calls(number: int) -> list[Call]:
    """Two of three for the weather, the third a search."""
    weather: Call = ("Weather", {"location": "Toronto", "units": "metric"})
    search: Call = ("GoogleSearch", {"query": "who won the super bowl"})
    return [search if place % 3 == 2 else weather for place in range(number)]


def whole_reply(number_of_calls: int) -> bytes:
    """The body of a reply of Chat Completions."""
    return json.dumps(completion(some_calls(number_of_calls))).encode()


def whole_response(number_of_calls: int) -> bytes:
    """The body of a reply of the Responses API."""
    return json.dumps(response(output_items(some_calls(number_of_calls)))).encode()


def plain_pieces(number_of_chunks: int) -> list[bytes]:
    """The plainest events: one call, four characters of its arguments in each, nearly all of the same length."""
    return sse(chunks([("GoogleSearch", {"query": "word " * (number_of_chunks * 4 // 5)})], piece_chars=4))


def openai_pieces(number_of_chunks: int) -> list[bytes]:
    """Three calls in events as OpenAI itself sends them: a token in each.

    Observed: with ``include_usage`` each chunk has ``usage: null``, and a last one has the usage and no choices.
    Documented: ``obfuscation``, random characters that hide how much the model wrote, is in each event unless
    ``stream_options.include_obfuscation`` is false.
    """
    return pieces_of(long_calls(number_of_chunks))


def pieces_of(calls: list[Call]) -> list[bytes]:
    """The same with other calls."""
    return sse(obfuscated(_by_token(chunks(calls, piece_chars=_WHOLE, usage=USAGE))))


def responses_pieces(number_of_chunks: int) -> list[bytes]:
    """The same three calls in typed events of the Responses API."""
    made = _by_token(events(output_items(long_calls(number_of_chunks)), piece_chars=_WHOLE))
    numbers = count()
    in_order = [{"type": event["type"], "sequence_number": next(numbers), **_unnumbered(event)} for event in made]
    return typed_sse(
        hidden if "obfuscation" in plain else plain
        for plain, hidden in zip(in_order, obfuscated(in_order), strict=True)
    )


def long_calls(number_of_chunks: int) -> list[Call]:
    """Three calls whose arguments have about that many tokens, the same in every run."""
    return [("GoogleSearch", {"query": query}) for query in long_queries(number_of_chunks)]


def long_queries(number_of_chunks: int) -> list[str]:
    """What the calls of `long_calls` look for."""
    source, words = random.Random(0), _SENTENCE.split(" ")
    length = number_of_chunks * 2 // 3 // CALLS_OF_A_STREAM
    return [" ".join(source.choices(words, k=length)) for _ in range(CALLS_OF_A_STREAM)]


def tokens(text: str) -> list[str]:
    """About what a model writes at a time."""
    return _TOKEN.findall(text)


def obfuscated(stream: Iterable[JsonObject]) -> list[JsonObject]:
    """Each event with 1 to 16 random characters, the same in every run."""
    source = random.Random(0)
    letters = string.ascii_letters + string.digits
    return [{**event, "obfuscation": "".join(source.choices(letters, k=source.randint(1, 16)))} for event in stream]


def _by_token(stream: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """What has the whole arguments of a call, as many events."""
    for event in stream:
        if event.get("type") == "response.function_call_arguments.delta":
            yield from ({**event, "delta": token} for token in tokens(event["delta"]))
        elif event.get("choices") and event["choices"][0]["delta"].get("tool_calls"):
            [choice] = event["choices"]
            [fragment] = choice["delta"]["tool_calls"]
            for token in tokens(fragment["function"]["arguments"]) or [""]:
                one = {**fragment, "function": {**fragment["function"], "arguments": token}}
                yield {**event, "choices": [{**choice, "delta": {"tool_calls": [one]}}]}
        else:
            yield event


def _unnumbered(event: JsonObject) -> JsonObject:
    return {key: value for key, value in event.items() if key not in ("type", "sequence_number")}
