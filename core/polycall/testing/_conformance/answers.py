"""A reply, a fault and a request in neutral form: what the kit and a provider's wire double say to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from polycall._data.types import Usage
from polycall.testing.wire import Gate

Finish: TypeAlias = Literal["stop", "calls", "length", "refused", "odd", "missing"]
"""Why a reply ends: ``odd`` is a word that nobody knows, ``missing`` is no sign of an end at all."""


@dataclass(frozen=True)
class Text:
    """A piece of the model's words."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """A piece of its visible reasoning."""

    text: str


@dataclass(frozen=True)
class Call:
    """A call of a tool.

    Attributes:
        name: The tool's name.
        arguments: JSON text, sent as it is: it may be broken. A mapping is written as JSON.
        id: The id as the service sends it; ``None`` leaves it out.
        whole: False for one that is cut off: its text ends anywhere, and nothing says that it is complete.
    """

    name: str
    arguments: str | Mapping[str, object] = "{}"
    id: str | None = None
    whole: bool = True

    @property
    def text(self) -> str:
        """The arguments as JSON text."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)

    def decoded(self) -> object:
        """The arguments as a JSON value, for protocols that carry structures.

        Raises:
            ValueError: They are not JSON.
        """
        return json.loads(self.text)

    def pieces(self, size: int) -> Iterator[str]:
        """The text in pieces of ``size`` characters."""
        text = self.text
        return (text[at : at + size] for at in range(0, len(text), size))


@dataclass(frozen=True)
class Break:
    """The connection ends here: closed in order, reset, or silent until the client leaves."""

    how: Literal["close", "reset", "hang"] = "close"


@dataclass(frozen=True)
class Noise:
    """What a client must ignore, in a stream: comments, pings, empty events (``alive``); unknown events (``event``)."""

    kind: Literal["alive", "event"]


Part: TypeAlias = Text | Reasoning | Call
Step: TypeAlias = Part | Gate | Break | Noise


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply of the service.

    Attributes:
        steps: What the model says and does, in order; between it, in a stream, gates, breaks and noise.
        finish: Why it ends.
        usage: Token counts; a count that is ``None`` is not sent.
        response_id: The reply's id.
        model: The model that answered.
        refusal: The words of a refusal (``finish="refused"``).
        fragment: How many characters of text or arguments come at once in a stream.
        cut: In a stream, how many bytes come at once, whatever they are; ``None``: one event.
        extra_fields: Add fields that nobody knows, where the protocol allows it.
        interleaved: The calls grow in turns.
        stays_open: After the end mark the server keeps the connection open.
        index: The numbers of the calls in a stream, where the protocol has them: 0, 1, 2; all 0; none; 1, 3, 5.
        inside: In a stream, a step put into the first call (of that index) after a share of its pieces.
    """

    steps: tuple[Step, ...] = ()
    finish: Finish = "calls"
    usage: Usage | None = None
    response_id: str = "reply-1"
    model: str = "served-model"
    refusal: str = ""
    fragment: int = 8
    cut: int | None = None
    extra_fields: bool = False
    interleaved: bool = False
    stays_open: bool = False
    inside: tuple[int, Gate | Break] | None = None
    index: Literal["right", "zero", "missing", "gaps"] = "right"

    @property
    def parts(self) -> list[Part]:
        """What the model says and does."""
        return [step for step in self.steps if isinstance(step, (Text, Reasoning, Call))]

    @property
    def calls(self) -> list[Call]:
        """Its calls."""
        return [step for step in self.steps if isinstance(step, Call)]

    @property
    def text(self) -> str | None:
        """Its words, joined; ``None`` if there are none."""
        return "".join(step.text for step in self.steps if isinstance(step, Text)) or None

    @property
    def reasoning(self) -> str | None:
        """Its reasoning, joined; ``None`` if there is none."""
        return "".join(step.text for step in self.steps if isinstance(step, Reasoning)) or None

    def but(self, **changes: object) -> Answer:
        """A copy with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields of this class


def answer(*steps: Step | tuple[str, Mapping[str, object] | str], **more: object) -> Answer:
    """An `Answer` of steps; a pair is a call whose id is made of its place.

    Ids of one answer are unique, and those of answers that follow each other too: ``make_ids`` counts.
    """
    made = [Call(step[0], step[1], next(_ids)) if isinstance(step, tuple) else step for step in steps]
    return Answer(steps=tuple(made), **more)  # type: ignore[arg-type]  # the fields of that class


def _count() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"id_{number:06}"


_ids = _count()

FaultKind: TypeAlias = Literal[
    "auth", "rate_limit", "not_found", "server_error", "error_in_reply", "close", "reset", "hang", "html", "empty",
    "truncated", "wrong_shape",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A reply that is not an answer.

    Attributes:
        kind: The first five in the words of the service; the others in those of any server.
        words: What the service says about it.
        body: With ``wrong_shape``: the body.
    """

    kind: FaultKind
    words: str = ""
    body: bytes = b""


Scripted: TypeAlias = Answer | Fault


# -- what the model was told ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToldCall:
    """A call in a turn that was echoed."""

    id: str | None
    name: str
    arguments: str | Mapping[str, object]


@dataclass(frozen=True)
class ToldMessage:
    """A message, or a part of one, as the service understands it.

    Attributes:
        role: ``"system"``, ``"user"``, ``"assistant"``, or ``"tool"`` for the result of a call.
        text: Its words.
        calls: Of the model's turn.
        call_id: The call that a result answers; ``None`` where the protocol has no ids.
        name: The tool whose result it is; ``None`` where the protocol does not say.
        is_error: Whether a result says that the call failed; ``None`` where the protocol has no such mark.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: Sequence[ToldCall] = ()
    call_id: str | None = None
    name: str | None = None
    is_error: bool | None = None


@dataclass(frozen=True)
class Told:
    """A request, as the service understands it.

    Attributes:
        messages: In order; the parts of one turn may be one message or several.
        tools: The names of the tools, in order.
        choice: ``"auto"``, ``"required"`` or a name; ``None`` where the request does not say.
        model: The model's name, ``None`` where the request does not say.
        text: The whole request as readable text: an ASCII word of the caller's is in it as he wrote it, if it was sent.
        raw: As it came, headers included.
    """

    messages: Sequence[ToldMessage]
    tools: Sequence[str] = ()
    choice: str | None = None
    model: str | None = None
    text: str = field(default="", repr=False)
    raw: bytes = field(default=b"", repr=False)

    @property
    def after_last_turn(self) -> list[ToldMessage]:
        """What came after the model's last turn."""
        last = max((at for at, one in enumerate(self.messages) if one.role == "assistant"), default=-1)
        return list(self.messages[last + 1 :])

    @property
    def results(self) -> list[ToldMessage]:
        """The results after the model's last turn."""
        return [one for one in self.after_last_turn if one.role == "tool"]

    @property
    def notes(self) -> list[str]:
        """The user's words after the model's last turn."""
        return [one.text for one in self.after_last_turn if one.role == "user" and one.text]

    @property
    def echoed_calls(self) -> list[ToldCall]:
        """All calls of the model's turns."""
        return [call for message in self.messages for call in message.calls]
