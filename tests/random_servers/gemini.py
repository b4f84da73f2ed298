"""A server of Gemini's ``generateContent``: documented freedoms, and the liberties that were seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from random_servers.framing import MARK, Stream
from random_servers.liberties import Liberties
from random_servers.meant import Call, Ending, JsonObject, Meant

WHOLE_ENDINGS: Sequence[Ending] = ("whole", "cut", "unknown", "refused", "error")
STREAM_ENDINGS: Sequence[Ending] = ("whole", "cut", "unknown", "missing", "refused", "error")

_BLOCKED = ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"]
_UNKNOWN = ["LANGUAGE", "OTHER", "TOO_MANY_TOOL_CALLS", "WORD_OF_TOMORROW"]
_ERROR: JsonObject = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def whole(meant: Meant, liberties: Liberties) -> object:
    """A reply that is not streamed."""
    speaks = _Server(meant, liberties, streamed=False)
    if meant.ending == "error":
        bodies: list[object] = [_ERROR, [_ERROR], None, "overloaded", {}, {"candidates": []}]
        return liberties.pick("error body", bodies, 2)
    reply = speaks.chunk(speaks.parts())
    speaks.end(reply)
    speaks.count(reply)
    if liberties.takes("several candidates", 0.1):
        other = {"index": 1, "content": {"role": "model", "parts": [{"functionCall": {"name": "Ping"}}]}}
        reply["candidates"].append({**other, "finishReason": "STOP"})
    return reply


def streamed(meant: Meant, liberties: Liberties) -> Stream:
    """A streamed reply."""
    return Stream(_Server(meant, liberties, streamed=True).chunks())


class _Server:
    def __init__(self, meant: Meant, liberties: Liberties, *, streamed: bool) -> None:
        self._meant = meant
        self._liberties = liberties
        self._streamed = streamed
        # Some models of Vertex AI stream arguments, when asked to (vercel/ai, packages/google fixtures).
        self._streams_arguments = streamed and liberties.takes("arguments in pieces", 0.3)
        self._ids = liberties.pick("ids", ["missing", "given", "empty", "all the same", "null"])
        self._prompt_blocked = meant.ending == "refused" and liberties.takes("prompt blocked", 1)
        if self._prompt_blocked:
            meant.calls, meant.text = [], ""
        # The last call of a part that is there is whole: a part is never cut.
        meant.last_is_known = None if meant.ending in ("refused", "unknown", "missing") else True

    def chunk(self, parts: Sequence[JsonObject]) -> JsonObject:
        liberties = self._liberties
        content: JsonObject = {"role": "model", "parts": list(parts)}
        if liberties.takes("no role", 0.1):
            del content["role"]
        candidate: JsonObject = {"content": content}
        if liberties.takes("index of the candidate", 0.3):
            candidate["index"] = 0
        made: JsonObject = {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r-1"}
        if liberties.takes("unknown fields", 0.2):
            made["fieldOfTomorrow"] = {"a": [1]}
            candidate["avgLogprobs"] = -0.2
        if liberties.takes("ratings and feedback that block nothing", 0.2):
            candidate["safetyRatings"] = [{"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "NEGLIGIBLE"}]
            made["promptFeedback"] = {"safetyRatings": []}
        return made

    def chunks(self) -> list[JsonObject | bytes]:
        meant, liberties = self._meant, self._liberties
        groups: list[list[JsonObject]] = []
        for part in self.parts():
            if groups and liberties.takes("several parts in a chunk", 0.5):
                groups[-1].append(part)
            else:
                groups.append([part])
        chunks = [self.chunk(group) for group in groups]
        if meant.ending == "error":
            at = liberties.dice("place of the error").randint(0, len(chunks))
            return [*chunks[:at], _ERROR]
        if meant.ending != "missing":
            if not chunks or not liberties.takes("finish reason with the last part", 0.5):
                last = self.chunk(liberties.dice("last chunk").choice([[], [{"text": ""}], [{"thought": True}]]))
                how = liberties.pick("content of the last chunk", ["given", "empty", "missing", "null"], 0.4)
                if how != "given":
                    last["candidates"][0]["content"] = {"empty": {}, "null": None}.get(how)
                    if how == "missing":
                        del last["candidates"][0]["content"]
                chunks.append(last)
            self.end(chunks[-1])
        place = liberties.pick("place of the usage", ["last chunk", "its own chunk", "running totals"])
        if meant.ending == "missing":
            meant.usage = None  # it comes with the end
        if place == "its own chunk" or not chunks:
            chunks.append({"modelVersion": "gemini-2.5-flash"})
            self.count(chunks[-1])
        else:
            if place == "running totals" and meant.usage is not None:
                for number, one in enumerate(chunks):
                    one["usageMetadata"] = {"promptTokenCount": 82, "totalTokenCount": 82 + number}
            self.count(chunks[-1])
        if liberties.takes("another candidate between", 0.1):  # ai-dial-adapter-vertexai#157
            other = {
                "index": 1,
                "content": {"role": "model", "parts": [{"functionCall": {"name": "Ping", "args": {}}}]},
            }
            at = liberties.dice("another candidate between").randint(0, len(chunks) - 1)
            chunks.insert(at, {"candidates": [other]})
        if liberties.takes("chunks that say nothing", 0.2):
            nothing: list[JsonObject] = [{}, {"candidates": []}, {"candidates": None}, {"usageMetadata": {}}]
            dice = liberties.dice("chunks that say nothing")
            chunks.insert(dice.randint(0, len(chunks) - 1), dice.choice(nothing))
        return list(chunks)

    def parts(self) -> list[JsonObject]:
        """The parts of the reply, in order."""
        meant, liberties = self._meant, self._liberties
        if self._prompt_blocked:
            return []
        parts: list[JsonObject] = []
        parts += [{"text": piece, "thought": True} for piece in self._cuts("pieces of the reasoning", meant.reasoning)]
        words: list[JsonObject] = [{"text": piece} for piece in self._cuts("pieces of the text", meant.text)]
        after = liberties.takes("text after the calls", 0.2)
        parts += [] if after else words
        for number, call in enumerate(meant.calls):
            parts += [{MARK: number, **part} for part in self._call_parts(number, call)]
            if liberties.takes("parts that say nothing", 0.1):
                dice = liberties.dice("parts that say nothing")
                parts.append(dice.choice([{"text": ""}, {"thought": True}, {"text": "", "thoughtSignature": "QUJD"}]))
            if liberties.takes("parts of other kinds", 0.1):
                parts.append({"executableCode": {"language": "PYTHON", "code": "print()"}})
        if after:
            parts += words
        if liberties.takes("a place without a call", 0.04):
            holds: list[JsonObject] = [{"args": {"a": 1}}, {"name": ""}]
            # Where arguments are streamed, a call without anything closes the one before it.
            held = holds[0] if self._streams_arguments else liberties.pick("the place holds", holds, 2)
            parts.append({"functionCall": held})
            meant.empty_places += 1
        return parts

    def _cuts(self, name: str, text: str) -> list[str]:
        return self._liberties.cuts(name, text) if self._streamed else [text] if text else []

    def _call_parts(self, number: int, call: Call) -> list[JsonObject]:
        liberties = self._liberties
        function: JsonObject = {"name": self._name(call)}
        if self._ids == "given":
            call.id = function["id"] = f"call-{number}"
        elif self._ids != "missing":
            function["id"] = {"empty": "", "all the same": "call-0", "null": None}[self._ids]
        extra: JsonObject = {}
        if liberties.takes("signatures", 0.4):
            extra = {"thoughtSignature": "QUJDREVG+/8="}
        if call.fault == "not JSON":
            call.fault = "invalid"  # arguments are no text here
        arguments: Any = call.arguments if call.fault != "invalid" else {"location": 7, "units": "stones"}
        if self._streams_arguments and not call.fault:
            return self._streamed_arguments(function, extra, arguments)
        function["args"] = arguments
        if not arguments:
            how = liberties.pick("no arguments as", ["{}", "null", "absent"])
            function["args"] = {} if how == "{}" else None
            if how == "absent":
                del function["args"]
        return [{"functionCall": function, **extra}]

    def _name(self, call: Call) -> str:
        return self._liberties.pick("name space", ["", "default_api.", "default_api:"], 0.1) + call.name

    def _streamed_arguments(self, function: JsonObject, extra: JsonObject, arguments: JsonObject) -> list[JsonObject]:
        """The arguments place by place, each with its path."""
        liberties = self._liberties
        if not arguments and liberties.takes("a call that is announced by nothing", 0.5):
            return [{"functionCall": function, **extra}]
        pieces: list[JsonObject] = []
        empty = _walk("$", arguments, pieces, liberties)
        if empty:  # a path names a place: an empty list or object has none
            return [{"functionCall": {**function, "args": arguments}, **extra}]
        parts: list[JsonObject] = [{"functionCall": {**function, "willContinue": True}, **extra}]
        while pieces:
            count = liberties.dice("partial arguments of a part").choice([1, 1, 2])
            if liberties.takes("fillers", 0.1):
                parts.append({"functionCall": {"willContinue": True}})
            parts.append({"functionCall": {"partialArgs": pieces[:count], "willContinue": True}})
            del pieces[:count]
        if liberties.takes("the last piece closes", 0.3):
            del parts[-1]["functionCall"]["willContinue"]
            if parts[-1] is parts[0]:
                parts.append({"functionCall": {}})
        else:
            parts.append({"functionCall": {}})
        return parts

    def end(self, reply: JsonObject) -> None:
        """Put the ending into the last chunk."""
        meant, liberties = self._meant, self._liberties
        candidate = reply["candidates"][0]
        words = {"whole": ["STOP"], "cut": ["MAX_TOKENS"], "refused": _BLOCKED, "unknown": _UNKNOWN}
        candidate["finishReason"] = liberties.pick("word for the end", words[meant.ending], 2)
        if meant.ending != "whole" and liberties.takes("finish message", 0.5):
            candidate["finishMessage"] = "For a reason."
        if not self._streamed and meant.ending == "whole" and liberties.takes("no finish reason", 0.2):
            del candidate["finishReason"]
        if self._prompt_blocked:
            reply["promptFeedback"] = {"blockReason": "SAFETY"}
            reply["candidates"] = []

    def count(self, reply: JsonObject) -> None:
        """Add the counts of tokens."""
        if self._meant.usage is None:
            reply.pop("usageMetadata", None)
            return
        given, made, cached = self._meant.usage
        usage: JsonObject = {"promptTokenCount": given, "totalTokenCount": given + made, "candidatesTokenCount": made}
        if self._liberties.takes("thoughts are counted apart", 0.3):
            usage |= {"candidatesTokenCount": made - 10, "thoughtsTokenCount": 10}
        if cached is not None:
            usage["cachedContentTokenCount"] = cached
        reply["usageMetadata"] = usage


def _walk(path: str, value: object, pieces: list[JsonObject], liberties: Liberties) -> bool:
    """Add the pieces of a value; whether a part of it has no pieces."""
    if isinstance(value, dict | list):
        steps: list[tuple[str, object]]
        if isinstance(value, dict):
            steps = [(f"{path}.{name}", one) for name, one in value.items()]
        else:
            steps = [(f"{path}[{at}]", one) for at, one in enumerate(value)]
        empty = [_walk(*step, pieces, liberties) for step in steps]
        return not steps or any(empty)
    if isinstance(value, str):
        cuts = liberties.cuts("pieces of the arguments", value) or [""]
        closing = liberties.takes("an empty piece closes", 0.5)
        pieces += [{"jsonPath": path, "stringValue": cut, "willContinue": True} for cut in cuts]
        if closing:
            pieces.append({"jsonPath": path, "stringValue": ""})
        else:
            del pieces[-1]["willContinue"]
    elif value is None:
        pieces.append({"jsonPath": path, "nullValue": "NULL_VALUE"})
    else:
        pieces.append({"jsonPath": path, "boolValue" if isinstance(value, bool) else "numberValue": value})
    return False
