"""From events to the bytes of a body, with what the standard of server-sent events allows and what gateways add."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from random_servers.liberties import Liberties

MARK = "#call"
"""A key that says which call a part of a reply belongs to, by its number; it is not sent."""


@dataclass(frozen=True)
class Stream:
    """A streamed reply.

    Attributes:
        events: The data of each; bytes go into the body as they are.
        typed: Each event names its type, as in the Responses API.
        done: Its end is ``[DONE]``.
    """

    events: Sequence[object]
    typed: bool = False
    done: bool = False


def unmarked(value: object) -> object:
    """The same without marks."""
    if isinstance(value, dict):
        return {key: unmarked(one) for key, one in value.items() if key != MARK}
    return [unmarked(one) for one in value] if isinstance(value, list) else value


def json_text(value: object, liberties: Liberties) -> str:
    """JSON as some serializer writes it."""
    value = unmarked(value)
    style = liberties.pick("JSON of the server", ["compact", "spaced", "ASCII"], 0.4)
    if style == "compact":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=style == "ASCII")


def event_stream(stream: Stream, liberties: Liberties) -> bytes:
    """The body of a stream."""
    break_ = liberties.pick("line breaks", ["\n", "\r\n", "\r"], 0.3)
    prefix = liberties.pick("no space after the colon", ["data: ", "data:"], 0.3)
    ways = ["given", "missing", "instead of the field"]
    types = liberties.pick("event lines", ways, 0.2) if stream.typed else "missing"
    written: list[bytes] = []
    if liberties.takes("byte order mark", 0.1):
        written.append(b"\xef\xbb\xbf")
    for event in stream.events:
        if liberties.takes("comments", 0.2):  # openai-go#227
            between = liberties.dice("comments").choice([": ping", ":", ": keepalive" + break_, "retry: 3000"])
            written.append((between + break_).encode())
        if liberties.takes("comments as data", 0.08):  # opencode#50871
            written.append(f"{prefix}: keepalive{break_}{break_}".encode())
        if isinstance(event, bytes):
            written.append(event)
            continue
        lines = []
        if liberties.takes("ids of events", 0.1):
            lines.append("id: 7")
        if types != "missing" and isinstance(event, dict) and "type" in event:
            lines.append(f"event: {event['type']}")
        if types == "instead of the field" and isinstance(event, dict):
            event = {name: value for name, value in event.items() if name != "type"}
        text = json_text(event, liberties)
        if liberties.takes("several data lines", 0.05):
            text = json.dumps(unmarked(event), ensure_ascii=False, indent=1)
        lines += [prefix + line for line in text.split("\n")]
        written.append((break_.join(lines) + break_ * 2).encode())
    if stream.done:
        written.append(f"{prefix}[DONE]{break_}{break_}".encode())
        if liberties.takes("more after [DONE]", 0.1):
            written.append(f"{prefix}[DONE]{break_}{break_}".encode())
    body = b"".join(written)
    if stream.events and not isinstance(stream.events[-1], bytes) and liberties.takes("no blank line at the end", 0.1):
        body = body.rstrip(b"\r\n")  # routstr-core#543
    return body


def in_pieces(body: bytes, liberties: Liberties) -> list[bytes]:
    """A body as the network cuts it."""
    how = liberties.pick("cuts of the network", ["whole", "events", "anywhere", "bytes"], 0.8)
    if how == "whole" or not body:
        return [body]
    return list(_pieces(body, how, liberties))


def _pieces(body: bytes, how: str, liberties: Liberties) -> Iterator[bytes]:
    if how == "events":
        *events, last = body.split(b"\n\n")
        yield from (event + b"\n\n" for event in events)
        if last:
            yield last
    elif how == "bytes" and len(body) < 6000:
        yield from (body[at : at + 1] for at in range(len(body)))
    else:
        dice, at = liberties.dice("places of cuts"), 0
        while at < len(body):
            size = dice.choice([1, 3, 40, 300, 2000])
            yield body[at : at + size]
            at += size
