"""From the provider's tool calls to provider-neutral ones: ids, names, the wrapper for parallel calls, dialects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import to_json

from polycall.plugin import ToolCall
from polycall_openai._json import JsonObject, parse_object
from polycall_openai._tools import ToolPayload

_WRAPPERS = frozenset({"multi_tool_use.parallel", "multi_tool_use_parallel", "parallel"})
"""A tool that OpenAI's models believe they have: one call that holds several (OpenAI community, thread 490653)."""
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_PREFIXES = ("functions.", "default_api.", "default_api:")
"""Namespaces that models put before a name (tontinton/maki#505, Gitlawb/openclaude#67)."""


@dataclass(slots=True)
class RawCall:
    """One call in the provider's form."""

    id: str | None
    name: str
    arguments: str | Mapping[str, object]
    entry: JsonObject = field(default_factory=dict)
    """The entry of ``tool_calls`` or the item, for the echo."""
    problem: str | None = None


class CallFactory:
    """Makes the `ToolCall` objects of one reply, and keeps their original entries for the echo.

    Args:
        payload: The tools of the request.
    """

    __slots__ = ("_ids", "_payload", "entries")

    def __init__(self, payload: ToolPayload) -> None:
        self._payload = payload
        self._ids: set[str] = set()
        self.entries: dict[str, JsonObject] = {}
        """By ``ToolCall.id``: the provider's entry."""

    def unique_id(self, given: object) -> str:
        """The provider's own id if it is usable, or else a made-up one.

        Ids may be empty (llama.cpp#11992) or repeated in one reply (OpenRouterTeam/ai-sdk-provider#471); any other is
        echoed byte for byte (vllm#29609).
        """
        id_ = given if isinstance(given, str) and given and given not in self._ids else self._payload.make_id()
        self._ids.add(id_)
        return id_

    def resolve(self, name: str) -> str:
        """The tool's name without a namespace that the model put before it; unknown names stay unchanged."""
        names = self._payload.names
        if name not in names:
            for prefix in _NAME_PREFIXES:
                if name.startswith(prefix) and name[len(prefix) :] in names:
                    return name[len(prefix) :]
        return name

    def is_tool(self, name: str) -> bool:
        """Whether a name is one of the request's tools."""
        return name in self._payload.names

    def is_wrapper(self, name: str) -> bool:
        """Whether a name stands for several calls, and is not a tool of the request."""
        return name in _WRAPPERS and name not in self._payload.names

    def may_continue(self, begun: str, piece: str) -> bool:
        """Whether a name and the next piece of it begin a tool's name (Switchyard#785)."""
        return any(name.startswith(begun + piece) for name in self._payload.names)

    def make(self, raw: RawCall, index: int, *, id: str | None = None) -> list[ToolCall]:
        """The calls that one call of the provider stands for: one, or those in a wrapper.

        Args:
            raw: The provider's call.
            index: Place of the first of them in the reply.
            id: Its id, if `unique_id` was asked before.
        """
        if raw.problem is None and self.is_wrapper(raw.name):
            inner = _unwrap(raw)
            if inner:
                return [self._make_one(each, index + at, None) for at, each in enumerate(inner)]
            raw.problem = f"{raw.name} holds no calls that can be read; call each tool by itself"
        return [self._make_one(raw, index, id)]

    def make_all(self, entries: Sequence[object]) -> list[ToolCall]:
        """The calls of ``message.tool_calls``."""
        calls: list[ToolCall] = []
        plain, ids = self._payload.names - self._payload.restore.keys(), self._ids
        for entry in entries:
            # Nearly every entry is as documented, and there may be many: no detours for those.
            try:
                id_, function = entry["id"], entry["function"]  # type: ignore[index]
                name, arguments = function["name"], function["arguments"]
            except (KeyError, TypeError, IndexError):
                pass
            else:
                if type(id_) is type(name) is type(arguments) is str and id_ and id_ not in ids and name in plain:
                    ids.add(id_)
                    self.entries[id_] = entry  # type: ignore[assignment]
                    middle = len(arguments) // 2
                    if arguments[middle - 1 : middle + 1] == "}{":
                        arguments = without_repetition(arguments)
                    calls.append(ToolCall(id_, name, arguments, len(calls)))
                    continue
            if entry is not None:
                calls += self.make(raw_call(entry), len(calls))
        return calls

    def _make_one(self, raw: RawCall, index: int, id_: str | None) -> ToolCall:
        id_ = id_ or self.unique_id(raw.id)
        self.entries[id_] = raw.entry
        name = self.resolve(raw.name)
        restore = self._payload.restore.get(name)
        normalized: Mapping[str, object] | None = None
        if restore is not None and raw.problem is None:
            decoded = parse_object(raw.arguments) if isinstance(raw.arguments, str) else raw.arguments
            if decoded is not None:
                restored = restore(decoded)
                normalized = restored if isinstance(restored, Mapping) else None
        return ToolCall(
            id=id_,
            name=name,
            arguments=raw.arguments,
            index=index,
            normalized_arguments=normalized,
            problem=raw.problem,
        )


def raw_call(entry: object) -> RawCall:
    """An entry of ``message.tool_calls``; anything but a function call gets a ``problem``."""
    if not isinstance(entry, dict):
        return RawCall(
            None, "", str(entry), problem="this entry of tool_calls is not an object; call a tool by its name"
        )
    id_ = entry.get("id")
    id_ = id_ if isinstance(id_, str) else None
    function = entry.get("function")
    if isinstance(function, dict):
        name = function.get("name")
        return RawCall(id_, name if isinstance(name, str) else "", clean_arguments(function.get("arguments")), entry)
    custom = entry.get("custom")
    if isinstance(custom, dict):
        return RawCall(id_, str(custom.get("name") or ""), str(custom.get("input") or ""), entry, custom_problem())
    kind = entry.get("type")
    return RawCall(id_, "", "", entry, f"a call of type {kind!r} is not supported; call one of the tools by its name")


def arguments_text(call: ToolCall) -> str:
    """A call's arguments as JSON text."""
    return call.arguments if isinstance(call.arguments, str) else to_json(call.arguments).decode()


def custom_problem() -> str:
    """Why a call of a custom tool cannot be used."""
    return "this is a call of a custom tool; only function tools were offered"


def clean_arguments(arguments: object) -> str | Mapping[str, object]:
    """Arguments are JSON text, or the object itself from servers that decode it (ggml-org/llama.cpp#20198)."""
    if isinstance(arguments, str):
        return without_repetition(arguments)
    if isinstance(arguments, dict):
        return arguments
    return "" if arguments is None else str(arguments)


def without_repetition(text: str) -> str:
    """One half of ``{..}{..}`` with equal halves (BerriAI/litellm#20480)."""
    half, odd = divmod(len(text), 2)
    if odd or not half or text[half - 1] != "}" or text[half] != "{" or text[:half] != text[half:]:
        return text
    return text if parse_object(text[:half]) is None else text[:half]


def _unwrap(raw: RawCall) -> list[RawCall]:
    arguments = parse_object(raw.arguments) if isinstance(raw.arguments, str) else raw.arguments
    uses = (arguments or {}).get("tool_uses")
    if not isinstance(uses, list):
        return []
    inner: list[RawCall] = []
    for use in uses:
        name = use.get("recipient_name") if isinstance(use, dict) else None
        if not isinstance(name, str) or not isinstance(use, dict):
            problem = f"an entry of {raw.name} does not name a tool; call each tool by itself"
            inner.append(RawCall(None, "", str(use), problem=problem))
        else:
            inner.append(RawCall(None, name, clean_arguments(use.get("parameters"))))
    return inner


def sendable_name(name: str, max_length: int) -> str:
    """A name that OpenAI accepts in a request; names that models make up may have dots and slashes, or be empty."""
    return _NOT_IN_A_NAME.sub("_", name)[:max_length] or "unknown"
