"""A server of Chat Completions: documented freedoms, and the liberties that servers were seen to take.

Each liberty has its public source beside it. Composed are only those from which the calls can still be told: where
fragments have neither an index nor an id of their own, say, calls do not come interleaved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from random_servers.framing import MARK, Stream
from random_servers.liberties import Liberties
from random_servers.meant import Call, Ending, JsonObject, Meant, arguments_text

from support.openai_replies import ERROR_BODIES, ERROR_EVENTS, chunk, completion

WHOLE_ENDINGS: Sequence[Ending] = ("whole", "cut", "unknown", "refused", "error")
STREAM_ENDINGS: Sequence[Ending] = ("whole", "cut", "unknown", "missing", "refused", "error")

_NATURAL = ["tool_calls", "stop", "function_call", "tool_use", "end_turn", "eos", "STOP"]
_LENGTH = ["length", "max_tokens", "model_length", "model_context_window_exceeded"]
_UNKNOWN = ["network_error", "insufficient_system_resource", "abort", "word of tomorrow"]
_REFUSED = ["content_filter", "sensitive", "SAFETY", "RECITATION", "PROHIBITED_CONTENT"]

_NOTHING: list[object] = ["absent", None, []]
_NO_TEXT: list[object] = [None, "", []]
_NAME_SPACES = ["", "functions.", "default_api.", "default_api:"]
_ODD_IDS = ["functions.read:{}", "0000000{}", "call {}", "call_{}__thought__" + "QUJD" * 90, "é{}"]


def whole(meant: Meant, liberties: Liberties) -> object:
    """A reply that is not streamed."""
    if meant.ending == "error":
        name = liberties.pick("error body", list(ERROR_BODIES), 2)
        return ERROR_BODIES[name]
    reply = completion()
    reply["choices"] = _choices(meant, liberties)
    reply["usage"] = _usage(meant, liberties)
    if meant.usage is None and liberties.takes("no usage field"):
        del reply["usage"]
    if liberties.takes("unknown fields"):
        reply |= {"x_groq": {"id": "r"}, "prompt_filter_results": [], "timings": None}
    if liberties.takes("nested under provider", 0.05):  # pydantic-ai#6900
        reply = {"id": None, "choices": None, "provider": reply}
    return reply


def streamed(meant: Meant, liberties: Liberties) -> Stream:
    """A streamed reply."""
    reply = _StreamedReply(meant, liberties)
    events = reply.events()
    return Stream(events, done=reply.says_done)


# -- whole replies -----------------------------------------------------------------------------------------------------


def _choices(meant: Meant, liberties: Liberties) -> list[JsonObject]:
    message: JsonObject = {"role": "assistant", "content": meant.text or None, "refusal": None}
    if not meant.text:
        message["content"] = liberties.pick("no text", _NO_TEXT)
    elif liberties.takes("content in parts", 0.2):  # Mistral
        message["content"] = [{"type": "text", "text": meant.text}]
    if meant.reasoning:
        message[liberties.pick("field of reasoning", ["reasoning_content", "reasoning"])] = meant.reasoning
    word = _word_for(meant, liberties)
    legacy = len(meant.sent(liberties)) == 1 and liberties.takes("function_call", 0.1)
    entries: list[object] = []
    if legacy:
        [call] = meant.sent(liberties)
        message["function_call"] = {MARK: 0, "name": call.name, "arguments": arguments_text(call, liberties)}
    else:
        entries = _entries(meant, liberties)
    if not entries:
        nothing: object = liberties.pick("no calls as", _NOTHING)  # openai-node#1341
        if nothing != "absent":
            message["tool_calls"] = nothing
    choice: JsonObject = {"index": 0, "message": message, "logprobs": None, "finish_reason": word}
    if liberties.takes("no index of the choice", 0.1):
        del choice["index"]
    if not entries:
        return [choice]
    if len(entries) > 1 and meant.ending == "whole" and liberties.takes("several choices", 0.1):  # nanobot#1555
        at = liberties.dice("several choices").randrange(len(entries))
        parts = [entries[:at], entries[at:]] if at else [[], *([entry] for entry in entries)]
        choices = []
        for number, part in enumerate(parts):
            said: JsonObject = dict(message) if number == 0 else {"role": "assistant", "content": None}
            if part:
                said["tool_calls"] = part
            choices.append({**choice, "index": number, "message": said})
        return choices
    message["tool_calls"] = entries
    return [choice]


def _entries(meant: Meant, liberties: Liberties) -> list[object]:
    ids = liberties.pick("ids", ["given", "missing", "null", "empty", "all the same", "odd"])
    entries: list[object] = []
    for number, call in enumerate(meant.sent(liberties)):
        cut = meant.ending == "cut" and number == len(meant.calls) - 1
        text = arguments_text(call, liberties)
        arguments: object = cut_off(text, liberties) if cut else encoded(call, text, liberties)
        function: JsonObject = {"name": sent_name(call, liberties), "arguments": arguments}
        entry: JsonObject = {"type": "function", "function": function, MARK: number}
        if not call.arguments and not call.fault and not cut:
            blank = liberties.pick("no arguments as", ["{}", "", " ", None, "absent"])  # vercel/ai#14722
            function["arguments"] = blank
            if blank == "absent":
                del function["arguments"]
        if liberties.takes("no type", 0.2):
            del entry["type"]
        _give_id(call, entry, ids, number)
        entries.append(entry)
        if not cut and liberties.takes("a place without a call", 0.05):
            entries.append(liberties.pick("the place holds", [None, {}, {"type": "function", "function": None}], 2))
            meant.empty_places += 1
    return entries


# -- streams -----------------------------------------------------------------------------------------------------------


@dataclass
class _Dialect:
    """How a server tells the calls of a stream apart."""

    index: str
    ids: str
    names: str

    @property
    def has_index(self) -> bool:
        return self.index in ("as documented", "from 1", "with gaps", "shuffled")

    @property
    def has_ids(self) -> bool:
        return self.ids in ("given", "on each fragment", "odd")

    @property
    def is_certain(self) -> bool:
        """Each call has something that no other call has."""
        return self.has_index or self.has_ids

    @property
    def may_come_in_turns(self) -> bool:
        return self.has_index or (self.index in ("missing", "null") and self.ids == "on each fragment")


_IDS = ["given", "on each fragment", "missing", "null", "empty", "all the same", "odd", "changing"]


def _dialect(liberties: Liberties) -> _Dialect:
    # All 0: ollama#15457; missing: openai-python#2806, ollama#7881; from 1: vercel/ai, fixture anthropic-fallback.
    indexes = ["as documented", "from 1", "with gaps", "shuffled", "all 0", "missing", "null"]
    dialect = _Dialect(liberties.pick("index", indexes), "given", "first")
    # Changing: litellm#40040; empty: llama.cpp#11992; the same: OpenRouterTeam/ai-sdk-provider#471.
    dialect.ids = liberties.pick("ids", _IDS)
    names = ["first"]
    without_index = dialect.index in ("missing", "null")
    if dialect.ids != "changing":
        if dialect.has_index or (dialect.has_ids and not without_index) or dialect.ids == "on each fragment":
            # llama.cpp#13774; NVIDIA-NeMo/Switchyard#785
            names += ["on each fragment", "in pieces"]
        if dialect.has_index:
            names += ["empty first", "after the arguments"]  # vercel/ai#16507, #14722
    dialect.names = liberties.pick("names", names)
    return dialect


class _StreamedReply:
    """One streamed reply."""

    def __init__(self, meant: Meant, liberties: Liberties) -> None:
        self._meant = meant
        self._liberties = liberties
        self._dialect = _dialect(liberties)
        # A call that comes again could be the same call, said twice.
        if not self._dialect.is_certain or self._dialect.ids == "all the same":
            pairs = zip(meant.calls, [None, *meant.calls], strict=False)
            meant.calls = [call for call, before in pairs if call != before]
        self._texts: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._takes_snapshots = False
        self.says_done = meant.ending not in ("missing", "error")

    def events(self) -> list[JsonObject | bytes]:
        meant, liberties = self._meant, self._liberties
        deltas = [*self._opening(), *self._words(), *self._call_deltas(), *self._closing()]
        choices: list[JsonObject] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        word = _word_for(meant, liberties) if meant.ending not in ("missing", "error") else None
        if word is not None and meant.ending == "whole" and liberties.takes("no finish reason", 0.1):
            word = None  # Ollama, vllm#27572: [DONE] alone
        elif liberties.takes("no [DONE]", 0.15):
            self.says_done = False  # open-octo/octo-agent#910
        if word is not None:
            if choices and liberties.takes("finish reason with the last delta", 0.4):
                choices[-1]["finish_reason"] = word
            else:
                last: JsonObject = {"index": 0, "delta": {}, "finish_reason": word}
                delta = liberties.pick("last delta", [{}, None, "absent", {"content": ""}, {"role": "assistant"}])
                last["delta"] = delta
                if delta == "absent":
                    del last["delta"]  # openai-python#1677
                choices.append(last)
        events = [self._chunk(choice) for choice in choices]
        self._add_usage(events, word)
        self._add_noise(events)
        if meant.ending == "error":
            error = ERROR_EVENTS[liberties.pick("error event", list(ERROR_EVENTS), 2)]
            at = liberties.dice("place of the error").randint(0, len(events))
            return [*events[:at], error]
        return list(events)

    def _chunk(self, choice: JsonObject) -> JsonObject:
        made = {**chunk(None), "choices": [choice]}
        if choice["finish_reason"] is None:
            how = self._liberties.pick("no end as", [None, "absent", ""], 0.3)  # adolfousier/opencrabs#1499
            choice["finish_reason"] = how
            if how == "absent":
                del choice["finish_reason"]
        if self._liberties.takes("no index of the choice", 0.1):
            del choice["index"]
        if self._liberties.takes("unknown fields", 0.2):
            made |= {"obfuscation": "aX3", "x_groq": {"id": "r"}, "usage": None}
        if self._liberties.takes("bare chunks", 0.1):
            made = {"choices": made["choices"]}
        return made

    def _add_usage(self, events: list[JsonObject], word: str | None) -> None:
        usage = _usage(self._meant, self._liberties)
        if not events:
            self._meant.usage = None
        if usage is None or not events:
            return
        place = self._liberties.pick("place of the usage", ["its own chunk", "last chunk", "running totals", "x_groq"])
        if place == "its own chunk" or self._meant.ending in ("missing", "error"):
            events.append({**chunk(None), "choices": [], "usage": usage})
        elif place == "last chunk":
            events[-1]["usage"] = usage
        elif place == "x_groq":
            events[-1]["usage"] = usage
            events[-1]["x_groq"] = {"id": "r", "usage": usage}
        else:
            for number, event in enumerate(events):
                event["usage"] = {**usage, "completion_tokens": number}
            events[-1]["usage"] = usage

    def _add_noise(self, events: list[JsonObject]) -> None:
        liberties = self._liberties
        if liberties.takes("filter results first", 0.2):  # Azure, semantic-kernel#3650
            events.insert(0, {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
        noise: list[JsonObject] = [{"choices": None}, {"choices": []}, chunk({}), chunk(None), {"object": "ping"}]
        if liberties.takes("chunks that say nothing", 0.3):
            dice = liberties.dice("chunks that say nothing")
            for _ in range(dice.randint(1, 3)):
                events.insert(dice.randint(0, len(events)), dice.choice(noise))

    # Words

    def _opening(self) -> Iterator[JsonObject]:
        if not self._liberties.takes("no delta for the role", 0.3):
            yield {"role": "assistant", "content": self._liberties.pick("first content", [None, ""]), "refusal": None}

    def _words(self) -> Iterator[JsonObject]:
        field = self._liberties.pick("field of reasoning", ["reasoning_content", "reasoning"])
        for piece in self._liberties.cuts("pieces of the reasoning", self._meant.reasoning):
            yield {field: piece}
        self._after = self._meant.text and self._liberties.takes("text after the calls", 0.2)
        if not self._after:
            yield from self._text()

    def _closing(self) -> Iterator[JsonObject]:
        if self._after:
            yield from self._text()

    def _text(self) -> Iterator[JsonObject]:
        for piece in self._liberties.cuts("pieces of the text", self._meant.text):
            yield {"content": piece}

    # Calls

    def _call_deltas(self) -> Iterator[JsonObject]:
        meant, liberties = self._meant, self._liberties
        sent = meant.sent(liberties)
        if len(sent) == 1 and liberties.takes("function_call", 0.1):
            yield from self._legacy(sent[0])
            return
        each = [list(self._fragments(number, call)) for number, call in enumerate(sent)]
        fragments: list[object]
        meant.in_turns = len(each) > 1 and self._dialect.may_come_in_turns and liberties.takes("calls in turns", 0.4)
        if meant.in_turns:
            fragments = [one for group in zip_longest(*each) for one in group if one is not None]
        else:
            fragments = [one for group in each for one in group]
        fragments += self._summary()
        while fragments:
            count = liberties.dice("fragments of a delta").choice([1, 1, 2, 3])
            count = count if liberties.takes("several fragments in a delta", 0.3) else 1
            delta: JsonObject = {"tool_calls": fragments[:count]}
            del fragments[:count]
            if liberties.takes("an empty fragment", 0.05):
                meant.empty_places_may_be_nothing = True
                meant.empty_places += 1
                delta["tool_calls"].insert(0, None)
            if liberties.takes("role and content on each delta", 0.1):
                delta = {"role": "assistant", "content": None, **delta}
            yield delta
            if fragments and liberties.takes("deltas without calls between", 0.1):
                yield {"tool_calls": liberties.dice("deltas without calls between").choice([None, []])}

    def _legacy(self, call: Call) -> Iterator[JsonObject]:
        text = self._text_of(0, call)
        yield {"function_call": {MARK: 0, "name": call.name, "arguments": ""}}
        for piece in self._liberties.cuts("pieces of the arguments", text):
            yield {"function_call": {MARK: 0, "arguments": piece}}

    def _text_of(self, number: int, call: Call) -> str:
        """The arguments as text; cut off if the reply is."""
        text = arguments_text(call, self._liberties)
        if number == len(self._meant.calls) - 1 and self._meant.ending in ("cut", "missing"):
            return cut_off(text, self._liberties)
        return text

    def _fragments(self, number: int, call: Call) -> Iterator[JsonObject]:
        liberties, dialect = self._liberties, self._dialect
        cut = number == len(self._meant.calls) - 1 and self._meant.ending in ("cut", "missing")
        text = self._text_of(number, call)
        arguments = text if cut else encoded(call, text, liberties)
        if isinstance(arguments, str) and not cut and not call.fault:
            text = arguments
        # Where the reply is not whole, a call without any arguments may have lost them.
        blank = not (call.arguments or call.fault) and self._meant.ending == "whole" and dialect.is_certain
        pieces: list[object]
        if isinstance(arguments, dict):
            pieces = [arguments]
        elif blank and liberties.takes("no arguments at all", 0.5):  # vercel/ai#14722
            pieces = list(liberties.dice("no arguments at all").choice([[""], [" "], [None], [], ["{}"]]))
        else:
            pieces = list(liberties.cuts("pieces of the arguments", text))
            first_only = dialect.names == "first" and dialect.ids not in ("all the same", "changing")
            may_repeat = call.is_of_a_tool and dialect.is_certain and first_only and self._meant.ending == "whole"
            if may_repeat and liberties.takes("{} first", 0.15):
                pieces = ["{}", *pieces]  # openai-agents-js#712
            elif may_repeat and liberties.takes("snapshots", 0.05):
                whole = "".join(str(piece) for piece in pieces)
                ends = [len("".join(map(str, pieces[: at + 1]))) for at in range(len(pieces))]
                pieces = [whole[:end] for end in ends]
                self._takes_snapshots = True
        self._texts[number] = text if isinstance(arguments, str) else json.dumps(arguments)
        made = [self._fragment(number, call, piece) for piece in self._opened(pieces)]
        self._name(made, call, number)
        if self._dialect.ids == "changing":
            for at, fragment in enumerate(made):
                fragment["id"] = f"id_{number}_{at}"
        elif dialect.ids != "on each fragment" and (dialect.names, dialect.ids) != ("on each fragment", "all the same"):
            for fragment in made[1:]:
                if "id" in fragment:
                    del fragment["id"]
                    if liberties.takes("null in place of missing", 0.3):
                        fragment["id"] = None
        yield from made
        may_come_again = not cut and not call.fault and len(text) > 2 and dialect.names != "on each fragment"
        if may_come_again and liberties.takes("arguments again", 0.05):  # sglang#23071
            fragment = self._fragment(number, call, self._texts[number])
            fragment.pop("id", None)
            if dialect.ids == "on each fragment":
                fragment["id"] = made[0]["id"]
            yield fragment

    def _opened(self, pieces: list[object]) -> list[object]:
        """The pieces, with an empty one first, as OpenAI sends them."""
        if not self._dialect.is_certain:
            return pieces or [""]  # what begins a call must be told from what continues one
        how = self._liberties.pick("first fragment", ["", "with arguments", None, "absent"])
        if how == "with arguments":
            return pieces or [...]
        return [how, *pieces] if how != "absent" else [..., *pieces]

    def _fragment(self, number: int, call: Call, piece: object) -> JsonObject:
        index = {
            "as documented": number,
            "from 1": number + 1,
            "with gaps": 3 * number + 2,
            "shuffled": (5 * number + 3) % 7,
            "null": None,
        }.get(self._dialect.index, 0)
        made: JsonObject = {"index": index, "type": "function", "function": {}, MARK: number}
        if self._dialect.index == "missing":
            del made["index"]
        if self._liberties.takes("no type", 0.3):
            del made["type"]
        if piece is not ...:
            made["function"]["arguments"] = piece
        _give_id(call, made, self._dialect.ids, number)
        return made

    def _name(self, fragments: list[JsonObject], call: Call, number: int) -> None:
        name = sent_name(call, self._liberties)
        self._names[number] = name
        functions = [fragment["function"] for fragment in fragments]
        if self._dialect.names == "on each fragment":
            for function in functions:
                function["name"] = name
        elif self._dialect.names == "in pieces" and len(functions) > 1 and call.is_of_a_tool:
            functions[0]["name"], functions[1]["name"] = call.name[:3], call.name[3:]
            self._names[number] = call.name
        elif self._dialect.names == "empty first" and len(functions) > 1:
            functions[0]["name"], functions[1]["name"] = "", name
        elif self._dialect.names == "after the arguments":
            functions[-1]["name"] = name
        else:
            functions[0]["name"] = name
            if self._liberties.takes("null in place of missing", 0.3):
                for function in functions[1:]:
                    function["name"] = None

    def _summary(self) -> list[JsonObject]:
        """All calls once more at the end (litellm#20480)."""
        meant, dialect = self._meant, self._dialect
        sent = meant.sent(self._liberties)
        if meant.ending != "whole" or not dialect.is_certain or dialect.ids == "changing":
            return []
        if any(not call.arguments or call.fault for call in sent):
            return []
        if self._takes_snapshots or not self._liberties.takes("a summary at the end", 0.1):
            return []
        made = []
        for number, call in enumerate(sent):
            text = self._texts[number]
            if self._liberties.takes("the summary is encoded twice", 0.5) and text[:1] != '"':
                text = json.dumps(text)
            fragment = self._fragment(number, call, text)
            fragment["function"]["name"] = self._names[number]
            made.append(fragment)
        return made


# -- both --------------------------------------------------------------------------------------------------------------


def _word_for(meant: Meant, liberties: Liberties) -> str | None:
    if meant.ending == "cut":
        return liberties.pick("word for the limit", _LENGTH)
    if meant.ending == "unknown":
        meant.last_is_known = None
        return liberties.pick("unknown word", _UNKNOWN)
    if meant.ending == "refused":
        meant.last_is_known = None
        return liberties.pick("word for a refusal", _REFUSED)
    return liberties.pick("word for the end", _NATURAL)


def _usage(meant: Meant, liberties: Liberties) -> JsonObject | None:
    if meant.usage is None:
        return None
    given, made, cached = meant.usage
    usage: JsonObject = {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
    if cached is not None:
        if liberties.takes("cached tokens as DeepSeek names them", 0.3):
            usage |= {"prompt_cache_hit_tokens": cached, "prompt_cache_miss_tokens": given - cached}
        else:
            usage["prompt_tokens_details"] = {"cached_tokens": cached, "audio_tokens": None}
    if liberties.takes("null details of the usage", 0.2):
        usage["completion_tokens_details"] = None
    return usage


def _give_id(call: Call, entry: JsonObject, ids: str, number: int) -> None:
    if ids in ("given", "on each fragment"):
        call.id = entry["id"] = f"call_{number:024d}"
    elif ids == "odd":
        call.id = entry["id"] = _ODD_IDS[number % len(_ODD_IDS)].format(number)
    elif ids in ("null", "empty"):
        entry["id"] = None if ids == "null" else ""
    elif ids == "all the same":
        entry["id"] = "call_0"


def sent_name(call: Call, liberties: Liberties) -> str:
    name_space = liberties.pick("name space", _NAME_SPACES, 0.1) if call.is_of_a_tool else ""
    return name_space + call.name  # tontinton/maki#505


def encoded(call: Call, text: str, liberties: Liberties) -> object:
    """Arguments in the form that the server gives them."""
    if call.fault == "not JSON" or not (call.is_of_a_tool or call.name.startswith("multi_tool_use")):
        return text
    how = liberties.pick("form of the arguments", ["text", "object", "text in text"], 0.15)
    if how == "object":  # llama.cpp#20198
        return call.arguments
    return json.dumps(text) if how == "text in text" else text  # vllm#54964


def cut_off(text: str, liberties: Liberties) -> str:
    return text[: liberties.dice("cut").randint(0, len(text))]
