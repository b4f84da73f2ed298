"""The shape of polycall's messages: what must hold before a member of one is used, with one set of errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from polycall._data.errors import MessageError
from polycall._toolkit.json_values import dump_model, to_plain_data

ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""The roles, and the four that they stand for."""
_ROLES_WITH_CONTENT = frozenset({"system", "developer", "user"})
WRITE_MESSAGE = "write {'role': 'user', 'content': ...}"
PRIMITIVES = (bool, int, float, complex, bytes, bytearray, memoryview, list, tuple, set, frozenset)


def each_message(messages: object) -> Iterable[object]:
    """The messages, if they are a list of some kind."""
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Iterable):
        raise MessageError(
            f"messages must be a list of messages, got {in_words(messages)}; write messages=[{WRITE_MESSAGE[6:]}]."
        )
    return messages


def is_native(message: Mapping[str, object]) -> bool:
    """Whether a mapping is not in polycall's form, and so may be in a provider's."""
    if "role" not in message or ("parts" in message and "content" not in message):
        return True
    return message.get("type", "message") != "message"


def role_of(message: Mapping[str, object], where: str) -> str:
    """The role as in the message; one of `ROLES`."""
    role = message.get("role")
    if isinstance(role, str) and role in ROLES:
        return role
    use = "use 'system', 'user', 'assistant' or 'tool'"
    if not isinstance(role, str):
        raise MessageError(f"{where}: the role must be a text, got {in_words(role)}; {use}.")
    raise MessageError(f"{where}: the role {role[:100]!r} is unknown; {use}.")


def require_messages(number: int) -> None:
    """Refuse a conversation without messages."""
    if not number:
        raise MessageError(f"messages is empty; write messages=[{WRITE_MESSAGE[6:]}].")


def message_of_text(text: str, where: str) -> dict[str, object]:
    """The message of the user that a bare text stands for."""
    if text in ROLES:  # ("user", "hello"), a pair as other libraries have it
        raise MessageError(f"{where}: the text {text!r} is a role and not a message; {WRITE_MESSAGE}.")
    return {"role": "user", "content": text}


def require_content(message: Mapping[str, object], role: str, where: str) -> None:
    """Refuse a message that says nothing, of a role that must."""
    if message.get("content") is None and role in _ROLES_WITH_CONTENT:
        raise MessageError(
            f"{where}: a message of the role {role!r} must hold 'content', a text or a list of parts; it is "
            f"{in_words(message)}."
        )


def provider_data_of(message: Mapping[str, object], provider: str, where: str) -> Mapping[str, object] | None:
    """The message's data for one provider; ``None`` if there is none."""
    by_provider = message.get("provider_data")
    if by_provider is None:
        return None
    data = by_provider.get(provider) if isinstance(by_provider, Mapping) else by_provider
    if data is None or (data is not by_provider and isinstance(data, Mapping)):
        return data
    raise MessageError(
        f"{where}.provider_data: must be an object with an object for each provider, as in {{{provider!r}: {{...}}}}."
    )


def plain(value: object, where: str) -> object:
    """A message, a part or a call without objects of SDKs."""
    try:
        return to_plain_data(value)
    except RecursionError as error:
        raise MessageError(f"{where}: nested too deeply, or within itself.") from error


def content_list(content: object, where: str) -> Sequence[object]:
    """The parts of a content that is not a text."""
    if content is None:
        return ()
    if isinstance(content, (list, tuple)):
        return content
    if isinstance(content, (*PRIMITIVES, Mapping)) or not isinstance(content, Iterable):
        raise MessageError(f"{where}.content: must be a text or a list of parts, got {in_words(content)}.")
    return [*content]  # the SDKs' types say Iterable


def dumped_part(given: object, where: str) -> object:
    """The data of a part that is an object; ``None`` if it is not a pydantic model."""
    if given is None or isinstance(given, PRIMITIVES):
        raise MessageError(f"{where}: {in_words(given)} is not a content part; write {{'type': 'text', 'text': ...}}.")
    return dump_model(given)


def id_of(value: Mapping[str, object], name: str, where: str) -> str | None:
    """An id; ``None`` if there is none or it is empty."""
    id_ = value.get(name)
    if isinstance(id_, str | None):
        return id_ or None
    raise MessageError(f"{where}: {name!r} must be a text, got {in_words(id_)}.")


def require_address(call_id: str | None, name: str | None, where: str) -> None:
    """Refuse a result that cannot be matched with a call."""
    if call_id is None and not name:
        raise MessageError(f"{where}: the result of a call must hold 'tool_call_id', the id of the call.")


def in_words(value: object) -> str:
    """A value for an error, without its content, which may be private and large."""
    if value is None:
        return "None"
    if isinstance(value, Mapping):
        keys = ", ".join(repr(key)[:40] for key in list(value)[:8])
        return f"a dict with the keys {keys}" if keys else "an empty dict"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"
