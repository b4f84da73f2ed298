"""Messages and their parts as typed objects, and what every provider does with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeAlias

from polycall._data.errors import MessageError
from polycall._toolkit.json_values import JsonObject, arguments_object, arguments_text, json_text
from polycall._toolkit.media import MediaPart
from polycall._toolkit.message_shapes import WRITE_MESSAGE, in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """A piece of text; never empty.

    Attributes:
        text: The text.
        refusal: The model refused with these words.
        raw: The part as in the message; empty where the content is a plain text.
        where: Its place, for errors: ``"messages[3].content[1]"``.
    """

    text: str
    refusal: bool = False
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePart:
    """A part in some provider's own form: a mapping without ``type`` or of a type that the provider named, an object.

    The provider accepts it or refuses it with `refuse_native`.

    Attributes:
        value: The part as in the message.
        where: Its place, for errors: ``"messages[3].content[1]"``.
    """

    value: object
    where: str = field(default="", compare=False)


Part: TypeAlias = TextPart | MediaPart | NativePart


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCall:
    """A tool call in an earlier turn of the model.

    Attributes:
        id: The id of the call; ``None`` where the message has none.
        name: The name of the tool.
        given_arguments: As in the message; the input of a custom call.
        kind: ``"function"``, or ``"custom"`` for a tool that takes free text.
        extra: Members of the call that are not polycall's: ``extra_content``, say.
        raw: The call as in the message.
        where: Its place, for errors: ``"messages[3].tool_calls[0]"``.
    """

    id: str | None
    name: str
    given_arguments: str | Mapping[str, object] | None = None
    kind: Literal["function", "custom"] = "function"
    extra: JsonObject = field(default_factory=dict)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)

    @property
    def arguments(self) -> JsonObject | None:
        """The decoded arguments; ``None`` if they are not a JSON object. Decoded at each access."""
        return arguments_object(self.given_arguments) if self.kind == "function" else None

    @property
    def arguments_text(self) -> str:
        """The arguments as JSON text, byte for byte where they are text in the message.

        Raises:
            MessageError: They cannot be written as JSON.
        """
        try:
            return arguments_text(self.given_arguments)
        except ValueError as error:
            raise MessageError(f"{self.where}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMessage:
    """Instructions, of the role ``system`` or ``developer``.

    Attributes:
        parts: The content, in order.
        provider_data: The data for this provider in the message; ``None`` if there is none.
        raw: The message as a mapping.
        where: Its place, for errors: ``"messages[3]"``.
    """

    parts: tuple[Part, ...]
    provider_data: Mapping[str, object] | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage:
    """A message of the user; from a bare text, too.

    Attributes:
        parts: The content, in order.
        provider_data: The data for this provider in the message; ``None`` if there is none.
        raw: The message as a mapping.
        where: Its place, for errors: ``"messages[3]"``.
    """

    parts: tuple[Part, ...]
    provider_data: Mapping[str, object] | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantMessage:
    """A turn of the model, of the role ``assistant`` or ``model``.

    Attributes:
        parts: The content, in order.
        calls: Its tool calls, in order.
        provider_data: The data for this provider in the message; ``None`` if there is none.
        raw: The message as a mapping.
        where: Its place, for errors: ``"messages[3]"``.
    """

    parts: tuple[Part, ...]
    calls: tuple[EarlierCall, ...] = ()
    provider_data: Mapping[str, object] | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolMessage:
    """The result of a call, of the role ``tool`` or ``function``.

    Attributes:
        call_id: The id of the call that it answers; ``None`` where the message has none.
        name: The name of the call that it answers, else the message's own; `name_of` refuses ``None``.
        parts: The content, in order.
        is_error: The call failed.
        call: The call that it answers; ``None`` if no earlier call without a result has its id.
        provider_data: The data for this provider in the message; ``None`` if there is none.
        raw: The message as a mapping.
        where: Its place, for errors: ``"messages[3]"``.
    """

    call_id: str | None
    name: str | None
    parts: tuple[Part, ...]
    is_error: bool = False
    call: EarlierCall | None = None
    provider_data: Mapping[str, object] | None = None
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeMessage:
    """Something in some provider's own form: an object, or a mapping that is not a message.

    Such mappings have no ``role``, ``parts`` instead of ``content``, or another ``type`` than ``message``.

    The provider accepts it or refuses it with `refuse_native`.

    Attributes:
        value: The object as in the list.
        where: Its place, for errors: ``"messages[3]"``.
    """

    value: object
    where: str = field(default="", compare=False)


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage | NativeMessage


def text_of(parts: Iterable[Part], *, reader: str = "this provider") -> str:
    """The text of parts, joined without anything between them.

    Args:
        parts: The parts of a message.
        reader: Says who reads text only, in the error: ``"this model"``.

    Raises:
        MessageError: There is something else than text among them.
    """
    texts: list[str] = []
    for part in parts:
        if not isinstance(part, TextPart):
            raise MessageError(f"{part.where}: {reader} reads text only, not {_part_in_words(part)}.")
        texts.append(part.text)
    return "".join(texts)


def name_of(result: ToolMessage) -> str:
    """The name of the tool whose result it is, for protocols that send no ids.

    Raises:
        MessageError: No earlier call has the id of the result, and the result does not name a function.
    """
    if result.name is not None:
        return result.name
    raise MessageError(
        f"{result.where}: no call in the preceding messages has the id {result.call_id!r}, and the result does not "
        "name a function; add 'name' to it."
    )


def refuse_native(native: NativeMessage | NativePart, provider: str) -> NoReturn:
    """Refuse what is in no form that the provider reads.

    Raises:
        MessageError: Always; it says what to write instead.
    """
    if isinstance(native, NativePart):
        raise MessageError(
            f"{native.where}: {in_words(native.value)} is not a content part that {provider} reads; write "
            "{'type': 'text', 'text': ...}."
        )
    raise MessageError(
        f"{native.where}: {in_words(native.value)} is not a message that {provider} reads; {WRITE_MESSAGE}."
    )


def _part_in_words(part: MediaPart | NativePart) -> str:
    kind = part.raw.get("type") if isinstance(part, MediaPart) else json_text(part.value, "type")
    return f"content parts of type {kind!r}" if kind else in_words(part.value if isinstance(part, NativePart) else part)
