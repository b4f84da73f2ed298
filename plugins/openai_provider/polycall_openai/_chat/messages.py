"""The messages of a request: polycall's are OpenAI's own, with two more keys that are not sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from polycall.plugin import (
    Adaptation,
    JsonObject,
    MessageError,
    Request,
    check_messages,
    replayable_arguments,
    sendable,
    sendable_name,
)
from polycall_openai._chat.turn import LEGACY
from polycall_openai._servers.profile import ServerProfile

_PLAIN_ROLES = ("user", "system", "developer")
_KNOWN = frozenset({"role", "content", "refusal", "audio", "name", "tool_calls", "function_call"})
_KNOWN_IN_CALL = frozenset({"id", "type", "function", "custom"})
_KNOWN_IN_FUNCTION = frozenset({"name", "arguments"})


def render_messages(request: Request, profile: ServerProfile) -> list[JsonObject]:
    """The messages as they are sent; nothing in them is shared with the caller.

    Raises:
        MessageError: One is not a message, or cannot be written as JSON.
    """
    if request.messages and all(map(_is_plain, request.messages)):
        return [dict(message) for message in cast("list[JsonObject]", request.messages)]
    turns = _Turns(profile)
    checked = sendable(check_messages(request.messages, provider="openai", restore=turns.restore))
    messages = [turns.rendered(message, f"messages[{at}]") for at, message in enumerate(checked)]  # type: ignore[var-annotated, arg-type]
    if turns.left_out:
        names = sorted(turns.left_out)
        reason = f"{profile.name} refuses fields of messages that Chat Completions does not have"
        request.adaptations.append(Adaptation(setting="messages", kind="dropped", given=names, reason=reason))
    return messages


def _is_plain(message: object) -> bool:
    """Whether a message is a role and a text that can be sent as it is, as nearly all of the first request are."""
    return (
        type(message) is dict
        and len(message) == 2
        and message.get("role") in _PLAIN_ROLES
        and type(text := message.get("content")) is str
        and text.isascii()
    )


class _Turns:
    """Renders the messages of one conversation in order."""

    def __init__(self, profile: ServerProfile) -> None:
        self.left_out: set[str] = set()
        self._profile = profile
        self._legacy_names: dict[object, object] = {}

    def restore(self, message: JsonObject, data: Mapping[str, object]) -> JsonObject:
        """A turn with data of polycall's: of the legacy form, or of the Responses API, which has no use here."""
        calls = message.get("tool_calls")
        if not data.get(LEGACY) or not isinstance(calls, list) or len(calls) != 1:
            return message
        (call,) = calls
        self._legacy_names[call.get("id")] = call["function"]["name"]
        plain = {key: value for key, value in message.items() if key != "tool_calls"}
        return {**plain, "function_call": call["function"]}

    def rendered(self, message: JsonObject, where: str) -> JsonObject:
        """One message, as a copy."""
        role = message.get("role")
        if role == "assistant":
            return self._assistant(message, where)
        if role == "tool" and message.get("tool_call_id") in self._legacy_names:
            name = self._legacy_names[message["tool_call_id"]]
            return {"role": "function", "name": self._name(name), "content": message.get("content")}
        return message.copy() if message.get("content").__class__ is str else _copy(message)

    def _assistant(self, message: JsonObject, where: str) -> JsonObject:
        strict = not self._profile.echoes_unknown_fields
        sent = {key: _copied(value) for key, value in message.items() if not (strict and self._is_left_out(key))}
        calls = sent.pop("tool_calls", None)
        legacy = sent.get("function_call")
        if not calls and legacy is None:
            return sent
        if not sent.get("content"):
            sent["content"] = self._profile.empty_content
        if isinstance(legacy, dict):
            sent["function_call"] = self._function(legacy, where)
        if isinstance(calls, list) and calls:
            sent["tool_calls"] = [self._call(call, f"{where}.tool_calls[{at}]") for at, call in enumerate(calls)]
        return sent

    def _call(self, call: JsonObject, where: str) -> JsonObject:
        if not self._profile.echoes_unknown_fields and not call.keys() <= _KNOWN_IN_CALL:
            self.left_out |= call.keys() - _KNOWN_IN_CALL
            call = {key: value for key, value in call.items() if key in _KNOWN_IN_CALL}
        function, custom = call.get("function"), call.get("custom")
        if isinstance(function, dict):
            call["function"] = self._function(function, where)
        elif isinstance(custom, dict):
            call["custom"] = {**custom, "name": self._name(custom.get("name"))}
        return call

    def _function(self, function: JsonObject, where: str) -> JsonObject:
        if not self._profile.echoes_unknown_fields:
            function = {key: value for key, value in function.items() if key in _KNOWN_IN_FUNCTION}
        function["name"] = self._name(function.get("name"))
        arguments = function.get("arguments")
        try:
            # Servers that parse what is replayed refuse the whole request: vllm#43995, kimi-cli#2165.
            function["arguments"] = replayable_arguments(arguments if isinstance(arguments, (str, dict)) else None)
        except ValueError as error:
            raise MessageError(f"{where}: {error}") from error
        return function

    def _name(self, name: object) -> str:
        return sendable_name(name if isinstance(name, str) else "", max_length=self._profile.max_name_length)

    def _is_left_out(self, key: str) -> bool:
        if key in _KNOWN:
            return False
        self.left_out.add(key)
        return True


def _copy(value: JsonObject) -> JsonObject:
    return {key: _copied(member) for key, member in value.items()}


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return _copy(value)
    return [_copied(item) for item in value] if isinstance(value, list) else value
