"""One conversation with a random server: what was meant, and the bytes that say it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from random_servers import chat, gemini, responses
from random_servers.framing import Stream, event_stream, in_pieces, json_text
from random_servers.liberties import Liberties
from random_servers.meant import Ending, Meant, mean_something


@dataclass(frozen=True)
class Protocol:
    """How a protocol says a reply, whole and streamed, and the endings that it has."""

    whole: Callable[[Meant, Liberties], object]
    streamed: Callable[[Meant, Liberties], Stream]
    whole_endings: Sequence[Ending]
    stream_endings: Sequence[Ending]


PROTOCOLS: Mapping[str, Protocol] = {
    name: Protocol(module.whole, module.streamed, module.WHOLE_ENDINGS, module.STREAM_ENDINGS)
    for name, module in (("chat", chat), ("responses", responses), ("gemini", gemini))
}


@dataclass(frozen=True)
class Conversation:
    """One question and the server's answer."""

    protocol: str
    streamed: bool
    seed: str
    meant: Meant
    body: bytes
    pieces: Sequence[bytes]
    liberties: Liberties

    def __str__(self) -> str:
        how = "streamed" if self.streamed else "whole"
        taken = "\n".join(f"    {name}: {value!r}" for name, value in self.liberties.taken.items())
        calls = "\n".join(f"    {call}" for call in self.meant.calls)
        return (
            f"seed {self.seed!r}: {self.protocol}, {how}, ending: {self.meant.ending}\n  liberties:\n{taken}\n"
            f"  meant:\n{calls}\n  body:\n{self.body.decode('utf-8', 'backslashreplace')}"
        )


def converse(protocol: str, streamed: bool, number: object, off: Collection[str] = ()) -> Conversation:
    """The conversation of a number."""
    seed = f"{protocol} {'streamed' if streamed else 'whole'} {number}"
    liberties = Liberties(seed, off)
    speaks = PROTOCOLS[protocol]
    meant = mean_something(liberties, speaks.stream_endings if streamed else speaks.whole_endings)
    if streamed:
        body = event_stream(speaks.streamed(meant, liberties), liberties)
    else:
        body = json_text(speaks.whole(meant, liberties), liberties).encode()
    return Conversation(protocol, streamed, seed, meant, body, in_pieces(body, liberties), liberties)
