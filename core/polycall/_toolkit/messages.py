"""Reading messages: polycall's own form, which is OpenAI's with two more keys, into typed objects or checked dicts.

The two keys are ``is_error`` of a result (the call failed), and ``provider_data`` of any message: data by provider,
which only that provider understands. Both are polycall's own and never sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

from polycall._data.errors import MessageError
from polycall._toolkit.json_values import JsonObject, dump_model, json_text
from polycall._toolkit.media import MEDIA_TYPES_OF_PARTS, read_media
from polycall._toolkit.message_shapes import (
    PRIMITIVES,
    ROLES,
    WRITE_MESSAGE,
    content_list,
    dumped_part,
    each_message,
    id_of,
    in_words,
    is_native,
    message_of_text,
    plain,
    provider_data_of,
    require_address,
    require_content,
    require_messages,
    role_of,
)
from polycall._toolkit.message_types import (
    AssistantMessage,
    EarlierCall,
    Message,
    NativeMessage,
    NativePart,
    Part,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    refuse_native,
)

Restore = Callable[[JsonObject, Mapping[str, object]], JsonObject]
"""Makes the message to send from a message without polycall's own keys and the provider's data of it."""

_TEXT_MEMBERS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_KNOWN_PARTS = frozenset({*_TEXT_MEMBERS, *MEDIA_TYPES_OF_PARTS})
_KNOWN_IN_CALL = frozenset({"id", "type", "function", "custom", "index"})
_OWN_KEYS = ("is_error", "provider_data")
_ROLES_OF_TEXTS = frozenset({"system", "developer", "user", "assistant"})


def read_messages(
    messages: Iterable[object], *, provider: str, native_parts: Collection[str] = frozenset()
) -> list[Message]:
    """Read a conversation.

    Args:
        messages: Dicts, other mappings, pydantic models and bare texts (of the user), also mixed.
        provider: The provider's name, to find its data in ``provider_data``; that of others is ignored.
        native_parts: Types of content parts that the provider reads by itself: they become a `NativePart`.

    Returns:
        One object per message, in order. Empty texts are left out: some services refuse them.

    Raises:
        MessageError: There is no message, or one that is not one, with its place: ``messages[3].content[1]: ...``.
    """
    reader = _Reader(provider, frozenset(native_parts))
    read = [reader.read(message, f"messages[{at}]") for at, message in enumerate(each_message(messages))]
    require_messages(len(read))
    return read


def check_messages(
    messages: Iterable[object],
    *,
    provider: str,
    restore: Restore | None = None,
) -> list[JsonObject]:
    """Check a conversation for a protocol that takes OpenAI-style messages as they are.

    Much cheaper than `read_messages`: the shapes that every protocol relies on are checked, the rest passes. Parts and
    members that polycall does not know stay in place, for servers that know them.

    Args:
        messages: As for `read_messages`.
        provider: As for `read_messages`.
        restore: Called for messages with data of this provider: the message without polycall's own keys, and the data.
            Returns the message to send. Must not change either.

    Returns:
        One dict per message, in order, without polycall's own keys; the caller's own where nothing had to change.

    Raises:
        MessageError: As `read_messages`.
    """
    checked: list[JsonObject] = []
    for message in each_message(messages):
        # Most messages are a role and a text; no detours for those.
        if message.__class__ is dict and len(message) == 2:
            role = message.get("role")
            if role.__class__ is str and role in _ROLES_OF_TEXTS and message.get("content").__class__ is str:
                checked.append(message)
                continue
        checked.append(_checked(message, f"messages[{len(checked)}]", provider, restore))
    require_messages(len(checked))
    return checked


class _Reader:
    """Reads the messages of one conversation in order, and matches results with the calls that they answer."""

    def __init__(self, provider: str, native_parts: frozenset[str]) -> None:
        self._provider = provider
        self._native_parts = native_parts
        self._in_turn = False
        self._unanswered: dict[tuple[str, str], list[deque[EarlierCall]]] = {}
        """By id and by name: the calls without a result, one queue for each turn of the model."""
        self._turn: dict[tuple[str, str], deque[EarlierCall]] = {}
        """The queues of the current turn; neighbours of the role assistant are one turn."""
        self._answered: set[int] = set()
        self._names: dict[str, str] = {}

    def read(self, given: object, where: str) -> Message:
        if isinstance(given, str):
            given = message_of_text(given, where)
        message = given if isinstance(given, Mapping) else dump_model(given)
        if not isinstance(message, Mapping) or is_native(message):
            self._in_turn = False
            if given is None or isinstance(given, PRIMITIVES):
                raise MessageError(f"{where}: {in_words(given)} is not a message; {WRITE_MESSAGE}.")
            return NativeMessage(value=given, where=where)
        given_role = role_of(message, where)
        role = ROLES[given_role]
        require_content(message, given_role, where)
        data = provider_data_of(message, self._provider, where)
        if role == "assistant":
            return self._assistant(message, data, where)
        self._in_turn = False
        parts = self._parts(message.get("content"), where)
        if role == "user":
            return UserMessage(parts=parts, provider_data=data, raw=message, where=where)
        if role == "system":
            return SystemMessage(parts=parts, provider_data=data, raw=message, where=where)
        return self._result(message, parts, data, where)

    def _assistant(self, message: Mapping[str, object], data: Mapping[str, object] | None, where: str) -> Message:
        parts = self._parts(message.get("content"), where)
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal and not parts:
            parts = (TextPart(text=refusal, refusal=True, where=f"{where}.refusal"),)
        if not self._in_turn:
            self._in_turn, self._turn = True, {}
        calls = _calls(message, where)
        for call in calls:
            if call.id is not None:
                self._names[call.id] = call.name
                self._expect(("id", call.id), call)
            self._expect(("name", call.name), call)
        return AssistantMessage(parts=parts, calls=calls, provider_data=data, raw=message, where=where)

    def _expect(self, key: tuple[str, str], call: EarlierCall) -> None:
        if key not in self._turn:
            self._turn[key] = deque()
            self._unanswered.setdefault(key, []).append(self._turn[key])
        self._turn[key].append(call)

    def _result(
        self,
        message: Mapping[str, object],
        parts: tuple[Part, ...],
        data: Mapping[str, object] | None,
        where: str,
    ) -> ToolMessage:
        call_id = id_of(message, "tool_call_id", where)
        own_name = json_text(message, "name") or json_text(message, "function")
        require_address(call_id, own_name, where)
        call = self._answer(("id", call_id) if call_id is not None else ("name", own_name or ""))
        name = call.name if call is not None else self._names.get(call_id or "", own_name)
        is_error = message.get("is_error") is True
        return ToolMessage(
            call_id=call_id,
            name=name,
            parts=parts,
            is_error=is_error,
            call=call,
            provider_data=data,
            raw=message,
            where=where,
        )

    def _answer(self, key: tuple[str, str]) -> EarlierCall | None:
        """The first call without a result of the last turn that has one of this key."""
        turns = self._unanswered.get(key, [])
        while turns:
            while turns[-1]:
                call = turns[-1].popleft()
                if id(call) not in self._answered:
                    self._answered.add(id(call))
                    return call
            turns.pop()
        return None

    def _parts(self, content: object, where: str) -> tuple[Part, ...]:
        if isinstance(content, str):
            return (TextPart(text=content, where=f"{where}.content"),) if content else ()
        parts = (self._part(part, f"{where}.content[{at}]") for at, part in enumerate(content_list(content, where)))
        return tuple(part for part in parts if part is not None)

    def _part(self, given: object, where: str) -> Part | None:
        if isinstance(given, str):
            return TextPart(text=given, where=where) if given else None
        part = plain(given, where) if isinstance(given, Mapping) else dumped_part(given, where)
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping) or kind is None:
            return NativePart(value=given, where=where)
        if not isinstance(kind, str):
            raise MessageError(f"{where}: 'type' must be a text, got {in_words(kind)}.")
        if kind in self._native_parts:
            return NativePart(value=part, where=where)
        member = _TEXT_MEMBERS.get(kind)
        if member is not None:
            text = part.get(member)
            if not isinstance(text, str):
                raise MessageError(f"{where}: a part of type {kind!r} must hold {member!r}, a text.")
            return TextPart(text=text, refusal=member == "refusal", raw=part, where=where) if text else None
        media = read_media(part, kind, where)
        if media is None and not isinstance(given, Mapping):
            return NativePart(value=given, where=where)
        if media is None:
            known = ", ".join(sorted({*_KNOWN_PARTS, *self._native_parts}))
            raise MessageError(f"{where}: a part of type {kind[:100]!r} is not known; known: {known}.")
        return media


def _calls(message: Mapping[str, object], where: str) -> tuple[EarlierCall, ...]:
    given = message.get("tool_calls")
    calls: tuple[EarlierCall, ...] = ()
    if given is not None:
        listed = given if isinstance(given, (list, tuple)) else plain(given, where)
        if not isinstance(listed, (list, tuple)) or isinstance(given, Mapping):
            raise MessageError(f"{where}.tool_calls: must be a list, got {in_words(given)}.")
        calls = tuple(_call(call, f"{where}.tool_calls[{at}]") for at, call in enumerate(listed))
    legacy = message.get("function_call")
    if legacy is not None:
        calls += (_call({"function": legacy}, f"{where}.function_call"),)
    return calls


def _call(given: object, where: str) -> EarlierCall:
    call = plain(given, where)
    function = call.get("function") if isinstance(call, dict) else None
    kind: Literal["function", "custom"] = "function"
    if isinstance(call, dict) and function is None and isinstance(call.get("custom"), dict):
        kind, function = "custom", call["custom"]
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(name, str):
        raise MessageError(f"{where}: a call must hold 'function' with 'name' and 'arguments'.")
    arguments = function.get("input" if kind == "custom" else "arguments")
    if not isinstance(arguments, str | dict | None):
        raise MessageError(
            f"{where}: the arguments of the call of {name[:100]!r} must be JSON text or an object, got "
            f"{in_words(arguments)}."
        )
    extra = {} if call.keys() <= _KNOWN_IN_CALL else {key: call[key] for key in call if key not in _KNOWN_IN_CALL}
    return EarlierCall(
        id=id_of(call, "id", where),
        name=name,
        given_arguments=arguments,
        kind=kind,
        extra=extra,
        raw=call,
        where=where,
    )


def _checked(
    given: object,
    where: str,
    provider: str,
    restore: Restore | None,
) -> JsonObject:
    if isinstance(given, str):
        return message_of_text(given, where)
    message = plain(given, where) if isinstance(given, Mapping) else dump_model(given)
    if not isinstance(message, dict) or is_native(message):
        raise MessageError(f"{where}: {in_words(given)} is not a message; {WRITE_MESSAGE}.")
    role = role_of(message, where)
    require_content(message, role, where)
    content = message.get("content")
    if not isinstance(content, str | None):
        parts = content_list(content, where)
        for at, part in enumerate(parts):
            if not isinstance(part, (dict, str)):
                dumped_part(part, f"{where}.content[{at}]")
                refuse_native(NativePart(value=part, where=f"{where}.content[{at}]"), provider)
        if any(isinstance(part, str) for part in parts):
            texts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
            message = {**message, "content": texts}
    if role == "tool" or role == "function":
        require_address(id_of(message, "tool_call_id", where), json_text(message, "name"), where)
    elif message.get("tool_calls") is not None or message.get("function_call") is not None:
        _calls(message, where)
    data = provider_data_of(message, provider, where)
    if "is_error" in message or "provider_data" in message:
        message = {key: value for key, value in message.items() if key not in _OWN_KEYS}
    if role == "model":
        message = {**message, "role": "assistant"}
    return message if data is None or restore is None else restore(message, data)
