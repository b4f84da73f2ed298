"""The extension that wraps every hook."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from polycall._data.contract import (
    BatchResult,
    BatchStatus,
    CallResult,
    ClientTraits,
    RenderedRequest,
    Reply,
    Request,
    SessionTraits,
    ToolSpec,
)
from polycall._data.types import Adaptation, ErrorKind, JsonObject
from polycall._engine.decoder_checks import check_decoder
from polycall._engine.result_checks import (
    check_adaptations,
    check_not_awaitable,
    check_owed,
    check_result,
    check_traits,
    check_wording,
    describe,
)
from polycall.plugin import HOOK_API_VERSION, hookimpl
from polycall.testing._contract.data import difference, not_json, snapshot
from polycall.testing._contract.decoders import ContractDecoder, ContractDecoderWithEnd
from polycall.testing._contract.plugins import CheckedPlugin, calling_provider
from polycall.testing._contract.replies import check_whole_reply
from polycall.testing._contract.requests import BodyCheck, check_tools, check_unchanged, state_of, take_note
from polycall.testing._contract.rules import ContractViolation
from polycall.testing._contract.streams import ContractAsyncStream, ContractStream

T = TypeVar("T")
Wrapper = Generator[None, Any, Any]

_JSON = "dicts with text as keys, lists, text, finite numbers, booleans and None"
_REMEMBERED = 256
_TYPES_OF_MEMBERS: Mapping[type, Mapping[str, tuple[type, ...]]] = {
    SessionTraits: {"host": (str, type(None)), "port": (int, type(None)), "telemetry_name": (str, type(None))},
    ClientTraits: {"sync": (bool,), "asynchronous": (bool,)},
    RenderedRequest: {"method": (str, type(None)), "url": (str, type(None)), "headers": (Mapping,)},
    Adaptation: {"setting": (str,), "kind": (str,), "reason": (str,)},
    BatchStatus: {"state": (str,), "total": (int, type(None)), "succeeded": (int, type(None))},
    BatchResult: {"key": (str,), "error": (Exception, type(None))},
}
_KINDS = ("dropped", "clamped", "substituted", "client_side")


class ContractChecker:
    """Wraps every hook of every provider, and raises a `ContractViolation` where a rule is broken.

    Attributes:
        violations: Every one that was raised, for those that somebody caught.
    """

    polycall_hook_api = HOOK_API_VERSION

    def __init__(self) -> None:
        self.violations: list[ContractViolation] = []
        self._decoders: deque[object] = deque(maxlen=_REMEMBERED)
        self._replies: deque[object] = deque(maxlen=_REMEMBERED)

    def _plugin(self) -> CheckedPlugin | None:
        provider = calling_provider()
        return None if provider is None else CheckedPlugin(provider, self.violations.append)

    # -- clients

    @hookimpl(wrapper=True)
    def polycall_settings_type(self) -> Wrapper:
        settings_type = yield
        plugin, hook = self._plugin(), "polycall_settings_type"
        is_one = isinstance(settings_type, type) and issubclass(settings_type, BaseModel)
        if plugin is not None and not is_one and plugin.owes(hook, settings_type):
            plugin.fail("result-type", hook, describe(settings_type), "a pydantic model class")
        return settings_type

    @hookimpl(wrapper=True)
    def polycall_create_client(self) -> Wrapper:
        return self._owed((yield), "polycall_create_client", "an SDK's client")

    @hookimpl(wrapper=True)
    def polycall_recognize_client(self) -> Wrapper:
        traits = yield
        plugin, hook = self._plugin(), "polycall_recognize_client"
        if plugin is not None and traits is not None:
            plugin.typed(hook, check_traits, traits)
            _check_members(plugin, traits, hook)
        return traits

    @hookimpl(wrapper=True)
    def polycall_bind_client(self) -> Wrapper:
        return self._owed((yield), "polycall_bind_client", "a session")

    @hookimpl(wrapper=True)
    def polycall_describe_session(self) -> Wrapper:
        return self._instance((yield), SessionTraits, "polycall_describe_session")

    @hookimpl(wrapper=True)
    def polycall_wording(self) -> Wrapper:
        wording = yield
        plugin, hook = self._plugin(), "polycall_wording"
        if plugin is not None and wording is not None:
            plugin.typed(hook, check_wording, wording)
        return wording

    @hookimpl(wrapper=True)
    def polycall_close_client(self) -> Wrapper:
        result = yield
        plugin, hook = self._plugin(), "polycall_close_client"
        if plugin is not None:
            plugin.typed(hook, check_not_awaitable, result)
        return result

    @hookimpl(wrapper=True)
    def polycall_close_client_async(self) -> Wrapper:
        return self._awaitable((yield), "polycall_close_client_async", lambda _, result: result)

    @hookimpl(wrapper=True)
    def polycall_error_kind(self) -> Wrapper:
        kind = yield
        plugin, hook = self._plugin(), "polycall_error_kind"
        if plugin is not None and kind is not None and kind not in get_args(ErrorKind):
            plugin.fail("result-type", hook, f"{kind!r:.80}", f"one of {', '.join(get_args(ErrorKind))}, or None")
        return kind

    # -- requests

    @hookimpl
    def polycall_before_request(self, request: Request) -> None:
        take_note(request)

    @hookimpl(wrapper=True)
    def polycall_render_tools(
        self,
        session: Any,
        tools: Sequence[ToolSpec],
        tool_choice: str,
        strict: bool | None,
        model: str | None,
        adaptations: list[Adaptation],
    ) -> Wrapper:
        schemas, before = snapshot(tools), list(adaptations)
        payload = yield
        plugin, hook = self._plugin(), "polycall_render_tools"
        if plugin is not None:
            plugin.typed(hook, check_owed, payload, "a tool payload")
            _check_adaptations(plugin, adaptations, hook)
            arguments = {
                "session": session,
                "tools": tools,
                "tool_choice": tool_choice,
                "strict": strict,
                "model": model,
                "adaptations": adaptations,
            }
            check_tools(plugin, payload, schemas, before, arguments)
        return payload

    @hookimpl(wrapper=True)
    def polycall_render_request(self, session: Any, request: Request) -> Wrapper:
        check = BodyCheck(session, request)
        body = yield
        plugin, hook = self._plugin(), "polycall_render_request"
        if plugin is not None:
            plugin.typed(hook, check_owed, body, "the body of a request")
            _check_adaptations(plugin, request.adaptations, hook)
            check_unchanged(plugin, request, hook)
            check.check(plugin, body)
        return body

    @hookimpl(wrapper=True)
    def polycall_describe_request(self, request: Request) -> Wrapper:
        hook = "polycall_describe_request"
        described = self._instance((yield), RenderedRequest, hook, request)
        plugin = self._plugin()
        if plugin is not None and described is not None:
            plugin.check("json-described", hook, not_json(described.body, "body"), _JSON)
            _check_adaptations(plugin, described.adaptations, hook)
        return described

    # -- sending

    @hookimpl(wrapper=True)
    def polycall_send(self, request: Request) -> Wrapper:
        response = yield
        plugin, hook = self._plugin(), "polycall_send"
        if plugin is not None:
            plugin.typed(hook, check_owed, response, "a response")
            check_unchanged(plugin, request, hook)
        return response

    @hookimpl(wrapper=True)
    def polycall_send_async(self, request: Request) -> Wrapper:
        hook = "polycall_send_async"

        def check(plugin: CheckedPlugin, response: object) -> object:
            plugin.typed(hook, check_owed, response, "a response")
            check_unchanged(plugin, request, hook)
            return response

        return self._awaitable((yield), hook, check)

    @hookimpl(wrapper=True)
    def polycall_open_stream(self, request: Request) -> Wrapper:
        stream = yield
        plugin, hook = self._plugin(), "polycall_open_stream"
        if plugin is None or not plugin.owes(hook, stream):
            return stream
        check_unchanged(plugin, request, hook)
        return ContractStream(plugin, stream, hook)

    @hookimpl(wrapper=True)
    def polycall_open_stream_async(self, request: Request) -> Wrapper:
        hook = "polycall_open_stream_async"

        def check(plugin: CheckedPlugin, stream: Any) -> object:
            check_unchanged(plugin, request, hook)
            return ContractAsyncStream(plugin, stream, hook)

        return self._awaitable((yield), hook, check)

    # -- replies

    @hookimpl(wrapper=True)
    def polycall_extract_reply(self, request: Request) -> Wrapper:
        reply = yield
        plugin, hook = self._plugin(), "polycall_extract_reply"
        if plugin is None or not plugin.owes(hook, reply):
            return reply
        check_unchanged(plugin, request, hook)
        return self._checked_reply(plugin, reply, hook, request)

    @hookimpl(wrapper=True)
    def polycall_create_decoder(self, request: Request) -> Wrapper:
        decoder = yield
        plugin, hook = self._plugin(), "polycall_create_decoder"
        if plugin is None:
            return decoder
        plugin.typed(hook, lambda provider, given, _: check_decoder(provider, given), decoder)
        if any(decoder is one for one in self._decoders):
            plugin.fail("fresh-decoder", hook, "the decoder of an earlier reply", "a new one for each reply")
        self._decoders.append(decoder)

        def check_reply(reply: Reply) -> Reply:
            check_unchanged(plugin, request, hook)
            return self._checked_reply(plugin, reply, hook, request)

        made = ContractDecoderWithEnd if hasattr(decoder, "done") else ContractDecoder
        return made(plugin, decoder, request, check_reply)

    def _checked_reply(self, plugin: CheckedPlugin, reply: object, hook: str, request: Request) -> Reply:
        if any(reply is one for one in self._replies):
            plugin.fail("fresh-reply", hook, "the Reply of an earlier request", "a new one for each reply")
        self._replies.append(reply)
        return check_whole_reply(plugin, reply, hook, request, state_of(request).used_ids)

    # -- conversations

    @hookimpl(wrapper=True)
    def polycall_continue_conversation(
        self, messages: Sequence[Any], reply: Reply, results: Sequence[CallResult]
    ) -> Wrapper:
        given = list(messages)
        before = snapshot(given), snapshot(reply), snapshot(results)
        continued = yield
        plugin, hook = self._plugin(), "polycall_continue_conversation"
        if plugin is None or not plugin.owes(hook, continued):
            return continued
        now = snapshot(messages), snapshot(reply), snapshot(results)
        for rule, one, other, name in zip(
            ("messages-unchanged", "reply-unchanged", "reply-unchanged"),
            before,
            now,
            ("messages", "reply", "results"),
            strict=True,
        ):
            plugin.check(rule, hook, difference(one, other, name), "the same as before; copy what you change")
        plugin.typed(hook, check_result, continued, list)
        if continued is messages:
            plugin.fail("continued-list", hook, "the list that was given", "a new list")
        beginning = difference(before[0], snapshot(continued[: len(given)]), "messages")
        plugin.check("continued-list", hook, beginning, "the messages that were given, then what is appended")
        plugin.check("json-messages", hook, not_json(continued[len(given) :], "the appended messages"), _JSON)
        return continued

    # -- batches

    @hookimpl(wrapper=True)
    def polycall_submit_batch(self) -> Wrapper:
        return self._instance((yield), str, "polycall_submit_batch")

    @hookimpl(wrapper=True)
    def polycall_check_batch(self) -> Wrapper:
        return self._instance((yield), BatchStatus, "polycall_check_batch")

    # -- what the checks above have in common

    def _owed(self, result: Any, hook: str, due: str) -> Any:
        plugin = self._plugin()
        if plugin is not None and plugin.owes(hook, result):
            plugin.typed(hook, check_owed, result, due)
        return result

    def _instance(self, result: Any, type_: type[T], hook: str, request: Request | None = None) -> T | None:
        plugin = self._plugin()
        if plugin is not None and result is not None:
            plugin.typed(hook, check_result, result, type_)
            _check_members(plugin, result, hook)
            if request is not None:
                check_unchanged(plugin, request, hook)
        checked: T | None = result
        return checked

    def _awaitable(self, awaitable: Any, hook: str, check: Callable[[CheckedPlugin, Any], object]) -> Any:
        plugin = self._plugin()
        if plugin is None or not plugin.owes(hook, awaitable):
            return awaitable
        if not hasattr(awaitable, "__await__") or isinstance(awaitable, type):
            plugin.fail("result-type", hook, describe(awaitable), "an awaitable")
        return _checked_when_awaited(plugin, awaitable, check)


async def _checked_when_awaited(
    plugin: CheckedPlugin, awaitable: Awaitable[object], check: Callable[[CheckedPlugin, Any], object]
) -> object:
    return check(plugin, await awaitable)


def _check_members(plugin: CheckedPlugin, value: object, hook: str) -> None:
    for name, types in _TYPES_OF_MEMBERS.get(type(value), {}).items():
        member = getattr(value, name)
        if not isinstance(member, types) or (isinstance(member, bool) and bool not in types):
            due = " or ".join(type_.__name__.removesuffix("Type") for type_ in types)
            plugin.fail("result-type", hook, f"{type(value).__name__}.{name} is {describe(member)}", due)
    if isinstance(value, RenderedRequest):
        headers: JsonObject = dict(value.headers)
        for name, member in headers.items():
            if not (isinstance(name, str) and isinstance(member, str)):
                plugin.fail("result-type", hook, f"the header {name!r} is {describe(member)}", "text")


def _check_adaptations(plugin: CheckedPlugin, adaptations: Sequence[Adaptation], hook: str) -> None:
    plugin.typed(hook, check_adaptations, adaptations)
    for one in adaptations:
        _check_members(plugin, one, hook)
        if one.kind not in _KINDS:
            plugin.fail("result-type", hook, f"Adaptation.kind is {one.kind!r}", f"one of {', '.join(_KINDS)}")
