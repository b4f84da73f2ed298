"""What the model meant: the calls and the words that a server then says in its own way, and what must come of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from random_servers.liberties import Liberties

JsonObject: TypeAlias = dict[str, Any]


class Weather(BaseModel):
    """The weather of a place."""

    location: str
    units: Literal["imperial", "metric"]


class Search(BaseModel):
    """Search the web."""

    query: str
    limit: int = 10


class Spot(BaseModel):
    name: str
    height: float | None


class Note(BaseModel):
    """Write a note."""

    text: str
    tags: list[str]
    spots: list[Spot]


class Ping(BaseModel):
    """Say that you are there."""


TOOLS: dict[str, type[BaseModel]] = {tool.__name__: tool for tool in (Weather, Search, Note, Ping)}
Tools: TypeAlias = list[Weather | Search | Note | Ping]

Ending = Literal["whole", "cut", "unknown", "missing", "refused", "error"]
"""``unknown``: a word for the end that is not known to be natural; ``missing``: a stream without any sign of its end;
``error``: an error object in a reply of status 200."""

_WORDS = ["Toronto", "Dallas", "who won", "a", "", "x" * 300]
_ODD_WORDS = [
    'say "hi"', "back\\slash", "two\nlines\tand a tab", "{", "}", '{"query": "a"}', "}{", "[]", '"', "\\", '\\"',
    "é中🏈", "data: [DONE]", "\n\ndata: {}\n\n", "null", "\u2028", "</tool_call>", "functions.Search", "'", ": ping",
]  # fmt: skip


@dataclass
class Call:
    """One call that the model meant.

    Attributes:
        name: Of the tool.
        arguments: As the model meant them.
        id: The id that the server gives, if it gives one that is usable; the result must have it byte for byte.
        fault: The model's own mistake, for which the call fails.
    """

    name: str
    arguments: JsonObject
    id: str | None = None
    fault: Literal["unknown tool", "invalid", "not JSON"] | None = None

    @property
    def is_of_a_tool(self) -> bool:
        return self.name in TOOLS

    def object(self) -> BaseModel:
        return TOOLS[self.name](**self.arguments)


@dataclass
class Meant:
    """One reply as the model meant it, and what must come of it.

    The server's code changes what is not settled by the model: ids, how many places hold no call, where it cuts.
    """

    calls: list[Call]
    text: str = ""
    reasoning: str = ""
    ending: Ending = "whole"
    usage: tuple[int, int, int | None] | None = None
    """Tokens of the request, of the reply, and those out of a cache; ``None``: the server gives no counts."""
    empty_places: int = 0
    """How many places in the list of calls hold no call."""
    empty_places_may_be_nothing: bool = False
    """They may also be passed over: an empty delta adds nothing."""
    last_is_known: bool | None = False
    """Where the ending is not ``whole``: the protocol says that the last call is complete; ``None``: either way."""
    in_turns: bool = False
    """The calls came interleaved, so without an end more than the last may lack a sign of being complete."""
    knows_text: bool = True
    """The text of the result can be compared."""
    _sent: list[Call] | None = None

    def sent(self, liberties: Liberties) -> list[Call]:
        """The calls in the form in which the model wrote them: sometimes as one that holds all (OpenAI, quirk 2.8)."""
        if self._sent is None:
            self._sent = self.calls
            may_be = len(self.calls) > 1 and not self.bad and self.ending == "whole"
            if may_be and liberties.takes("one call that holds all", 0.05):
                prefix = liberties.dice("one call that holds all").choice(["functions.", ""])
                uses = [{"recipient_name": prefix + call.name, "parameters": call.arguments} for call in self.calls]
                self._sent = [Call("multi_tool_use.parallel", {"tool_uses": uses})]
        return self._sent

    @property
    def says_nothing(self) -> bool:
        return not (self.calls or self.text or self.reasoning or self.empty_places)

    @property
    def good(self) -> list[Call]:
        return [call for call in self.calls if call.fault is None]

    @property
    def bad(self) -> list[Call]:
        return [call for call in self.calls if call.fault is not None]


def _word(liberties: Liberties) -> str:
    odd = liberties.takes("odd texts", 0.5)
    return liberties.dice("words").choice(_ODD_WORDS if odd else _WORDS)


def _arguments(name: str, liberties: Liberties) -> JsonObject:
    dice = liberties.dice("arguments")
    if name == "Weather":
        return {"location": _word(liberties), "units": dice.choice(["imperial", "metric"])}
    if name == "Search":
        made: JsonObject = {"query": _word(liberties)}
        return {**made, "limit": dice.choice([0, 7, -1, 2**60 + 1])} if dice.random() < 0.5 else made
    if name == "Note":
        spots = [
            {"name": _word(liberties), "height": dice.choice([None, 1.5, 1e-7])} for _ in "ab"[dice.randint(0, 2) :]
        ]
        return {"text": _word(liberties), "tags": [_word(liberties) for _ in range(dice.randint(0, 3))], "spots": spots}
    return {}


def mean_something(liberties: Liberties, endings: Sequence[Ending]) -> Meant:
    """Make up a reply.

    Args:
        liberties: Of the conversation.
        endings: Those that the protocol has; the first is the usual one.
    """
    dice = liberties.dice("calls")
    count = dice.choice([1, 2, 2, 3, 3, 4, 6])
    calls = []
    for _ in range(count):
        name = dice.choice(list(TOOLS))
        calls.append(Call(name, _arguments(name, liberties)))
    if len(calls) > 1 and liberties.takes("the same call twice", 0.2):
        calls[1] = Call(calls[0].name, calls[0].arguments)
    for call in calls:
        if liberties.takes("a faulty call", 0.06):
            call.fault = liberties.pick("fault of a call", ["unknown tool", "invalid", "not JSON"], 1)
            if call.fault == "unknown tool":
                call.name = "Stocks"
            elif call.fault == "invalid":
                call.name, call.arguments = "Weather", {"location": 7, "units": "stones"}
            else:
                call.name = "Search"
    if liberties.takes("no calls", 0.06):
        calls = []
    ending = liberties.pick("ending", endings, 0.45)
    text = liberties.dice("text").choice(["So.", "Let me look.", 'é "x" {}']) if liberties.takes("text", 0.8) else ""
    reasoning = "Two things are asked." if liberties.takes("reasoning", 0.5) else ""
    usage = (82, 34, liberties.pick("cached tokens", [None, 0, 64]))
    return Meant(calls, text, reasoning, ending, usage if not liberties.takes("no usage", 0.3) else None)


def arguments_text(call: Call, liberties: Liberties) -> str:
    """A call's arguments as one of the JSON texts that mean them."""
    if call.fault == "not JSON":
        return '{"query": oops'
    styles = ["usual", "compact", "ASCII", "indented", "white space around", "raw tabs"]
    style = liberties.pick("JSON style", styles, 0.5)
    if style == "compact":
        return json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
    if style == "ASCII":
        return json.dumps(call.arguments)
    text = json.dumps(call.arguments, ensure_ascii=False, indent=2 if style == "indented" else None)
    if style == "raw tabs":  # rhesis#2488, omlx#1672
        return text.replace("\\t", "\t")
    return f" {text}\n" if style == "white space around" else text
