"""A scripted answer as the steps of a reply: polycall's own events, a whole `Reply` at the end, gates and errors."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import TypeAlias

from polycall._data.contract import (
    ArgumentsDelta,
    CallCompleted,
    CallStarted,
    ReasoningDelta,
    Reply,
    Request,
    StreamEvent,
    TextDelta,
)
from polycall._data.types import FinishReason, ToolCall
from polycall._toolkit.calls import CallIds, earlier_call_ids
from polycall._toolkit.json_values import arguments_text
from polycall.testing._doubles.errors import ScriptError
from polycall.testing._doubles.gates import Gate
from polycall.testing._doubles.replies import CutOffCall, MadeUp, RawCall, Refusal, WholeReply
from polycall.testing._doubles.schema_values import made_up_value
from polycall.testing._doubles.typed_objects import arguments_of, is_typed_object, tool_name

Step: TypeAlias = StreamEvent | Reply | Gate | BaseException

_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)
_FORMS = "typed objects, call(name, arguments), a text, cut_off(...), refusal(...), a Gate or an exception"


def steps_of(answer: object, request: Request, number: int) -> list[Step]:
    """The steps of a reply.

    Args:
        answer: An entry of a script.
        request: What it answers.
        number: The request's place among those of the script, from 0.

    Raises:
        ScriptError: The answer has a form that the script does not know, or does not fit the request.
    """
    if isinstance(answer, _FUNCTIONS):
        made = answer(request)
        if inspect.isawaitable(made):
            if inspect.iscoroutine(made):
                made.close()
            raise ScriptError(f"{answer!r} is async; a function in a script returns its reply. Wait with a Gate.")
        return steps_of(made, request, number)
    if isinstance(answer, MadeUp):
        return _Writer(request).write(WholeReply(tuple(_made_up_calls(answer, request, number))))
    if isinstance(answer, WholeReply):
        return _Writer(request).write(answer)
    if isinstance(answer, list):
        return _Writer(request).write(WholeReply(tuple(answer)))
    return _Writer(request).write(WholeReply((answer,)))


def _made_up_calls(answer: MadeUp, request: Request, number: int) -> Iterator[RawCall]:
    random = Random(f"{answer.seed}/{number}")  # noqa: S311  # a test's data
    tools = {tool.name: tool for tool in request.tools}
    names = answer.tools or request.required_tools or ((request.tool_choice,) if request.tool_choice in tools else ())
    for name in names or tools:
        if name not in tools:
            raise ScriptError(f"{answer!r}: {name!r} is not a tool of the request, which has: {', '.join(tools)}.")
        value = made_up_value(tools[name].schema, random, name)
        yield RawCall(name, value)  # type: ignore[arg-type]  # the root of a tool's schema is an object


class _Writer:
    """Writes one reply, item by item."""

    def __init__(self, request: Request) -> None:
        self._request = request
        numbers = itertools.count(1)
        self._ids = CallIds(earlier_call_ids(request.messages), make=lambda: f"call_{next(numbers)}")
        self._steps: list[Step] = []
        self._reply = Reply(saw_end=True)
        self._calls: list[ToolCall] = []
        self._texts: list[str] = []

    def write(self, answer: WholeReply) -> list[Step]:
        """The steps of a whole reply."""
        if answer.reasoning:
            self._steps += map(ReasoningDelta, _pieces(answer.reasoning))
        for at, item in enumerate(answer.items):
            self._write_item(item)
            if self._reply.finish_reason is not None and at + 1 < len(answer.items):
                raise ScriptError(f"Nothing can follow {item!r:.80} in a reply, and {answer.items[at + 1]!r:.80} does.")
        made = self._reply
        made.tool_calls = self._calls
        made.text = "".join(self._texts) or None
        made.reasoning = answer.reasoning or None
        usual = FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
        made.finish_reason = answer.finish_reason or made.finish_reason or usual
        made.raw_finish_reason = answer.raw_finish_reason or made.finish_reason.value
        made.usage, made.model, made.response_id = answer.usage, answer.model, answer.response_id
        made.raw_response = lambda: answer
        return [*self._steps, made]

    def _write_item(self, item: object) -> None:
        if isinstance(item, str):
            self._texts.append(item)
            self._steps += map(TextDelta, _pieces(item))
        elif isinstance(item, (BaseException, Gate)):
            self._steps.append(item)
        elif isinstance(item, type) and issubclass(item, BaseException):
            self._steps.append(item())
        elif isinstance(item, Refusal):
            self._reply.refusal = item.reason
            self._reply.finish_reason = FinishReason.REFUSAL
        elif isinstance(item, CutOffCall):
            self._write_cut_off(item.call)
        else:
            call = self._tool_call(item)
            self._begin(call, call.arguments_text)
            self._calls.append(call)
            self._steps.append(CallCompleted(call))

    def _write_cut_off(self, item: object) -> None:
        call = self._tool_call(item)
        if _is_object(item):
            text = call.arguments_text
            call = ToolCall(call.id, call.name, text[: (len(text) + 1) // 2], call.index)
        self._begin(call, call.arguments_text)
        self._reply.cut_off = (call,)
        self._reply.finish_reason = FinishReason.LENGTH

    def _begin(self, call: ToolCall, text: str) -> None:
        middle = (len(text) + 1) // 2  # in two pieces, so that every stream has something to put together
        self._steps.append(CallStarted(call.index, call.id, call.name))
        self._steps += [ArgumentsDelta(call.index, piece) for piece in (text[:middle], text[middle:]) if piece]

    def _tool_call(self, item: object) -> ToolCall:
        index = len(self._calls)
        if _is_object(item):
            return ToolCall(self._ids.claim(None), tool_name(item, self._request.tools), arguments_of(item), index)
        match item:
            case RawCall(name, arguments, id_):
                pass
            case ToolCall():
                name, arguments, id_ = item.name, item.arguments, item.id
            case (str(name), str() | Mapping() as arguments):
                id_ = None
            case _:
                raise ScriptError(f"A script cannot answer with {item!r:.80}; a reply is made of {_FORMS}.")
        try:
            text = arguments_text(arguments)
        except ValueError as error:
            raise ScriptError(f"{item!r:.80}: {error}") from error
        return ToolCall(self._ids.claim(id_), name, text, index)


def _is_object(item: object) -> bool:
    """Whether an item is an object of the application's own."""
    return is_typed_object(item) and not isinstance(item, (ToolCall, RawCall, CutOffCall, Refusal, MadeUp, WholeReply))


def _pieces(text: str) -> Iterable[str]:
    return re.findall(r"\s*\S+|\s+", text)
