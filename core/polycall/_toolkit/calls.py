"""Making `ToolCall` objects of what a provider sent: ids, names, the dialect undone, habits of models undone."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from polycall._data.contract import ToolSpec
from polycall._data.types import ToolCall
from polycall._data.wording import DEFAULT_WORDING, Wording
from polycall._schema.dialect import Dialect
from polycall._schema.render import render_schema
from polycall._toolkit.json_values import (
    JsonObject,
    NotJsonError,
    arguments_object,
    arguments_text,
    is_too_deep,
    json_text,
    parse_json,
)

PayloadT = TypeVar("PayloadT")

NAME_SPACES = ("functions.", "default_api.", "default_api:", "tools.")
"""Name spaces that models write before a tool's name (tontinton/maki#505, Gitlawb/openclaude#67, tya5/reyn#1992)."""

PARALLEL_WRAPPERS = frozenset({"multi_tool_use.parallel", "multi_tool_use_parallel", "parallel"})
"""A tool that OpenAI's models believe to have: one call that holds several (OpenAI community, thread 490653)."""

_ENVELOPE = re.compile(r'\s*\{\s*(?:"name"\s*:\s*"[^"]*"\s*,\s*)?"(?:arguments|parameters)"\s*:')
_USUAL_STARTS = frozenset(f'{{"{letter}' for letter in string.ascii_letters if letter not in "anp")
"""Of arguments that are certainly not in an envelope: told several times as fast as by the pattern."""
_ENVELOPE_KEYS = ("arguments", "parameters")


def make_call_id() -> str:
    """A new id: ``call_`` and 24 hexadecimal digits, the form that OpenAI gives and every known server takes."""
    return f"call_{os.urandom(12).hex()}"


class CallIds:
    """The ids of one reply's calls, unique in their conversation.

    Args:
        taken: Ids that the conversation holds already; see `earlier_call_ids`.
        make: Makes an id, for providers that take another form only.

    Attributes:
        used: Every id of the conversation so far.
    """

    __slots__ = ("_make", "used")

    def __init__(self, taken: Iterable[str] = (), *, make: Callable[[], str] = make_call_id) -> None:
        self.used = set(taken)
        self._make = make

    def claim(self, sent: object) -> str:
        """The id for one more call.

        Ids may be missing, empty (llama.cpp#11992) or the same twice in one reply (OpenRouterTeam/ai-sdk-provider#471).
        Every other id is kept byte for byte, because servers compare it with the result's (vllm#29609).

        Args:
            sent: The provider's id; anything else than a text counts as missing.

        Returns:
            ``sent`` if it is not empty and not yet used, else a new id.
        """
        id_ = sent
        while not isinstance(id_, str) or not id_ or id_ in self.used:
            id_ = self._make()
        self.used.add(id_)
        return id_


def earlier_call_ids(messages: Iterable[object]) -> set[str]:
    """The ids of the calls and results in polycall's messages; whatever else is in the list is passed over.

    Args:
        messages: A conversation; only dicts are looked at, so the cost is small.
    """
    ids: set[object] = set()
    for message in messages:
        if type(message) is not dict:
            continue
        calls = message.get("tool_calls")
        if type(calls) is list:
            ids.update(id_ for call in calls if type(call) is dict and type(id_ := call.get("id")) is str)
        if type(result_of := message.get("tool_call_id")) is str:
            ids.add(result_of)
    return ids  # type: ignore[return-value]  # only texts were added


def resolve_name(name: str, known: Container[str], prefixes: Sequence[str] = NAME_SPACES) -> str:
    """The tool's name without a name space that the model put before it.

    Args:
        name: As the model gave it.
        known: The names that were offered.
        prefixes: Name spaces, with their separator.

    Returns:
        ``name`` if it is known, or unknown with and without a name space and white space.
    """
    if name not in known:
        if name.strip() in known:
            return name.strip()
        for prefix in prefixes:
            if name.startswith(prefix) and name[len(prefix) :] in known:
                return name[len(prefix) :]
    return name


Restore: TypeAlias = Callable[[object], object]
"""Undoes on decoded arguments what a dialect changed; leaves alone whatever has another shape than it expects."""


@dataclass(frozen=True, slots=True)
class RenderedTool:
    """One tool as a provider's request has it.

    Attributes:
        name: The tool's own name, as in `ToolSpec.name`.
        schema: The schema of its arguments in the provider's dialect. Shared between calls: never changed.
        sent_name: Its name in the request, where the provider cannot carry its own; empty: the same.
        restore: Undoes on decoded arguments what the dialect changed in shape; ``None`` if it changed nothing.
    """

    name: str
    schema: JsonObject
    sent_name: str = ""
    restore: Restore | None = None

    def __post_init__(self) -> None:
        if not self.sent_name:
            object.__setattr__(self, "sent_name", self.name)


def render_tool(spec: ToolSpec, dialect: Dialect, *, sent_name: str = "") -> RenderedTool:
    """Render one tool in a provider's dialect.

    Raises:
        SchemaError: A field has no form in the dialect.
    """
    rendered = render_schema(spec, dialect)
    return RenderedTool(spec.name, rendered.schema, sent_name, rendered.restore)


@dataclass(frozen=True, slots=True)
class RenderedTools(Generic[PayloadT]):
    """The tools of a request as its provider sends them: made once per set of tools, then shared.

    Attributes:
        payload: The tools' part of the request, in the provider's form.
        tools: By the tools' own names.
        by_sent_name: By their names in the request.
        plain_names: Names of the tools with nothing to map back or to restore.
    """

    payload: PayloadT
    tools: Mapping[str, RenderedTool]
    by_sent_name: Mapping[str, RenderedTool] = field(init=False, repr=False, compare=False)
    plain_names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_sent_name", {tool.sent_name: tool for tool in self.tools.values()})
        plain = (tool.name for tool in self.tools.values() if tool.restore is None and tool.sent_name == tool.name)
        object.__setattr__(self, "plain_names", frozenset(plain))

    def sent_name(self, name: str) -> str:
        """The name to send for a tool's own name; unknown names stay."""
        tool = self.tools.get(name)
        return name if tool is None else tool.sent_name

    def restored(self, name: str, arguments: object) -> object:
        """Decoded arguments of a tool (by its own name) as the user's schema has them; the same object if unchanged."""
        tool = self.tools.get(name)
        return arguments if tool is None or tool.restore is None else tool.restore(arguments)


Adjust: TypeAlias = Callable[[RenderedTool, Mapping[str, object]], object]


class CallMaker:
    """Makes the calls of one reply.

    Args:
        rendered: The tools of the request.
        ids: Where its calls get their ids; by default the reply stands alone.
        lenient: Undo habits that are known of protocols with JSON text: a wrapper that holds several calls, arguments
            that are said twice, arguments inside an object of one more level. Default: false.
        prefixes: Name spaces to strip from unknown names.
        wording: The words of a call's problem: ``request.wording``.

    Attributes:
        ids: The ids of the reply.
    """

    __slots__ = ("_by_sent_name", "_lenient", "_plain", "_prefixes", "_rendered", "_used", "_wording", "ids")

    def __init__(
        self,
        rendered: RenderedTools[PayloadT],
        ids: CallIds | None = None,
        *,
        lenient: bool = False,
        prefixes: Sequence[str] = NAME_SPACES,
        wording: Wording = DEFAULT_WORDING,
    ) -> None:
        self._wording = wording
        self.ids = CallIds() if ids is None else ids
        self._used = self.ids.used
        self._rendered: RenderedTools[PayloadT] = rendered
        self._by_sent_name = rendered.by_sent_name
        self._plain = rendered.plain_names
        self._lenient = lenient
        self._prefixes = prefixes

    def make(
        self,
        index: int,
        sent_id: object,
        sent_name: str,
        arguments: object,
        problem: str | None = None,
        *,
        id: str | None = None,
        adjust: Adjust | None = None,
    ) -> ToolCall:
        """Make one call. Never raises because of what the model wrote.

        Args:
            index: Its place in the reply.
            sent_id: The provider's id, if any.
            sent_name: The name as the model gave it.
            arguments: JSON text, or the decoded object; ``None`` counts as empty text, other values as their JSON text.
            problem: Why the call cannot be used, if that is known.
            id: What ``ids.claim(sent_id)`` returned, if the call was reported before it was complete.
            adjust: Undoes on decoded arguments what the protocol did, after the dialect is undone. Gets a known tool
                and its arguments; returns the same object if nothing changed. A `ValueError` is the call's problem.

        Returns:
            The call with the tool's own name; unknown names stay as they are. ``normalized_arguments`` is set only if
            something was undone.
        """
        # There may be 100,000 calls in a reply, nearly all with a new id, a plain name and plain text: no detours for
        # those.
        if id is None:
            if type(sent_id) is str and sent_id and sent_id not in self._used:
                self._used.add(sent_id)
                id = sent_id
            else:
                id = self.ids.claim(sent_id)
        if sent_name in self._plain and type(arguments) is str and problem is None and adjust is None:
            if not self._lenient:
                return ToolCall(id, sent_name, arguments, index)
            middle = len(arguments) // 2
            if arguments[middle - 1 : middle + 1] != "}{" and (
                arguments[:3] in _USUAL_STARTS or _ENVELOPE.match(arguments) is None
            ):
                return ToolCall(id, sent_name, arguments, index)
        return self._make_carefully(index, id, sent_name, arguments, problem, adjust)

    def make_all(
        self, index: int, sent_id: object, sent_name: str, arguments: object, *, id: str | None = None
    ) -> list[ToolCall]:
        """Make the calls that one call of the provider stands for: one, or those inside a wrapper.

        Args:
            index: The place of the first of them.
            sent_id: As for `make`.
            sent_name: As for `make`.
            arguments: As for `make`.
            id: As for `make`.
        """
        if not self.is_wrapper(sent_name):
            return [self.make(index, sent_id, sent_name, arguments, id=id)]
        inner = _wrapped_calls(sent_name, arguments, self._wording)
        if not inner:
            problem = self._wording.unreadable_wrapper.format(name=sent_name)
            return [self.make(index, sent_id, sent_name, arguments, problem, id=id)]
        return [self.make(index + at, None, *call) for at, call in enumerate(inner)]

    def make_cut_off(
        self, index: int, sent_id: object, sent_name: str, arguments: object, *, id: str | None = None
    ) -> ToolCall:
        """A call that is not known to be complete: its arguments stay exactly as they are."""
        try:
            sent = _as_arguments(arguments)
        except RecursionError:
            sent = ""
        return ToolCall(id or self.ids.claim(sent_id), self.resolve(sent_name), sent, index)

    def resolve(self, sent_name: str) -> str:
        """The tool's own name for a name that the model gave; unknown names stay as they are."""
        tool = self._find(sent_name)
        return sent_name if tool is None else tool.name

    def is_tool(self, sent_name: str) -> bool:
        """Whether a name is one of the request's tools as it was sent, without a name space."""
        return sent_name in self._by_sent_name

    def is_wrapper(self, sent_name: str) -> bool:
        """Whether a name stands for several calls, and is not a tool of the request."""
        return self._lenient and sent_name in PARALLEL_WRAPPERS and sent_name not in self._by_sent_name

    def may_continue(self, begun: str, piece: str) -> bool:
        """Whether a name that begins with ``begun`` and continues with ``piece`` may become a tool's.

        For protocols that send names in pieces (NVIDIA-NeMo/Switchyard#785).
        """
        return any(name.startswith(begun + piece) for name in self._by_sent_name)

    def _find(self, sent_name: str) -> RenderedTool | None:
        known = self._by_sent_name
        return known.get(resolve_name(sent_name, known, self._prefixes)) or self._rendered.tools.get(sent_name)

    def _make_carefully(
        self, index: int, id: str, sent_name: str, sent: object, problem: str | None, adjust: Adjust | None
    ) -> ToolCall:
        tool = self._find(sent_name)
        name = sent_name if tool is None else tool.name
        try:
            arguments = _as_arguments(sent)
            if self._lenient and isinstance(arguments, str):
                arguments = without_repetition(arguments)
            normalized = None
            if problem is None and tool is not None:
                normalized = self._normalized(tool, arguments, adjust)
            elif not isinstance(arguments, str) and is_too_deep(arguments):
                raise RecursionError
        except RecursionError:
            return ToolCall(id, name, {}, index, problem=problem or self._wording.too_deep)
        except ValueError as error:
            return ToolCall(id, name, _as_arguments(sent), index, problem=str(error))
        return ToolCall(id, name, arguments, index, normalized, problem)

    def _normalized(
        self, tool: RenderedTool, arguments: str | Mapping[str, object], adjust: Adjust | None
    ) -> Mapping[str, object] | None:
        """The arguments with everything undone; ``None`` if nothing was.

        Raises:
            RecursionError: They are nested too deeply.
            ValueError: From ``adjust``.
        """
        if isinstance(arguments, str):
            may_be_inside = self._lenient and _ENVELOPE.match(arguments) is not None
            if tool.restore is None and adjust is None and not may_be_inside:
                return None
            decoded: Mapping[str, object] | None = arguments_object(arguments)
            if decoded is None:
                return None  # the core says what is wrong with the text
        else:
            may_be_inside = self._lenient
            decoded = arguments
            if (adjust is None or may_be_inside) and is_too_deep(decoded):
                raise RecursionError
        found = _inner_arguments(decoded, tool, self._prefixes) if may_be_inside else decoded
        restored = found
        if tool.restore is not None:
            value = tool.restore(found)
            if isinstance(value, Mapping) and value != found:
                restored = value
        if adjust is not None:
            adjusted = adjust(tool, restored)
            if isinstance(adjusted, Mapping):
                restored = adjusted
        return None if restored is decoded else restored


def without_repetition(text: str) -> str:
    """One half of ``{..}{..}`` with equal halves: arguments that a server sends twice (BerriAI/litellm#20480)."""
    half, odd = divmod(len(text), 2)
    if odd or not half or text[half - 1] != "}" or text[half] != "{" or text[:half] != text[half:]:
        return text
    return text if arguments_object(text[:half]) is None else text[:half]


def _as_arguments(sent: object) -> str | Mapping[str, object]:
    """What a provider sent as the arguments of a call, in a form that `ToolCall` has.

    Raises:
        RecursionError: It is nested too deeply to be written as text.
    """
    if isinstance(sent, (str, Mapping)):
        return sent
    if sent is None:
        return ""
    try:
        text = arguments_text({"": sent})  # any JSON value, not only an object
    except ValueError as error:
        raise RecursionError(str(error)) from error
    return text[text.index(":") + 1 : -1].strip()


def _wrapped_calls(wrapper: str, arguments: object, wording: Wording) -> list[tuple[str, object, str | None]]:
    """The calls inside a wrapper as name, arguments and problem."""
    if isinstance(arguments, str) and arguments.lstrip().startswith('"'):
        arguments = _decoded_text(arguments)  # encoded twice (vllm#54964)
    decoded = arguments_object(arguments) if isinstance(arguments, (str, Mapping)) else None
    uses = (decoded or {}).get("tool_uses")
    calls: list[tuple[str, object, str | None]] = []
    for use in uses if isinstance(uses, list) else ():
        name = json_text(use, "recipient_name")
        if name is not None:
            calls.append((name, use.get("parameters"), None))
        else:
            calls.append(("", use, wording.nameless_call.format(name=wrapper)))
    return calls


def _decoded_text(text: str) -> object:
    try:
        return parse_json(text)
    except NotJsonError:
        return text


def _inner_arguments(
    arguments: Mapping[str, object], tool: RenderedTool, prefixes: Sequence[str]
) -> Mapping[str, object]:
    """Arguments out of ``{"arguments": {...}}``, with or without the tool's name beside them, several times if need be.

    Models copy the form of a whole call into its arguments (vllm#40959, vllm#41531, ollama#17486, AstrBot#10076). Only
    for tools that take named properties, none of them of such a name.
    """
    declared = tool.schema.get("properties")
    if not isinstance(declared, dict) or not declared or tool.schema.get("additionalProperties") not in (None, False):
        return arguments
    while True:
        key = next((key for key in _ENVELOPE_KEYS if key in arguments), None)
        if key is None or key in declared:
            return arguments
        if len(arguments) == 2:
            name = arguments.get("name")
            if not isinstance(name, str) or not _names(tool, name, prefixes):
                return arguments
        elif len(arguments) != 1:
            return arguments
        inner = arguments[key]
        if isinstance(inner, str):
            inner = arguments_object(inner) if inner.strip() else None
        if not isinstance(inner, Mapping):
            return arguments
        arguments = inner


def _names(tool: RenderedTool, name: str, prefixes: Sequence[str]) -> bool:
    return resolve_name(name, (tool.sent_name, tool.name), prefixes) in (tool.sent_name, tool.name)
