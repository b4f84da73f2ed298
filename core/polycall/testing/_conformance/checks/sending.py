"""Group D: what is sent is what the caller asked for, once."""

from __future__ import annotations

import copy
import json
from collections.abc import Generator
from typing import Any
from urllib.parse import unquote

import polycall
from polycall.plugin import HOOK_API_VERSION, hookimpl
from polycall.testing._conformance.answers import Answer, Call, answer
from polycall.testing._conformance.checks.conversation import BAD, require_objects
from polycall.testing._conformance.checks.extraction import BOWL, DALLAS, TORONTO
from polycall.testing._conformance.checks_table import ONCE, check
from polycall.testing._conformance.trial import MESSAGES, Search, Trial, Weather
from polycall.testing._extensions import register

HOOK = "polycall_render_request"
_EXTENSION = "~polycall.testing.conformance"


@check("D01 rendered_is_sent", hook="polycall_describe_request", ways=ONCE)
async def rendered_is_sent(t: Trial) -> None:
    """``client.render()`` shows what is sent: the same body, without secrets, each time the same."""
    arguments = {name: value for name, value in t.options().items() if name != "max_retries"}
    first, second = t.clients.sync.render(**arguments), t.clients.sync.render(**arguments)
    t.equal(first.body, second.body, "the body of a second rendering")
    t.equal(len(t.told), 0, "the number of requests that rendering sends")
    await t.ask(answer(BOWL))
    t.equal(t.told[-1].model, t.clients.sync.model, "the model of the request")
    for word in (MESSAGES[0]["content"], "Weather", "Search"):
        t.true(word in t.told[-1].text and word in _flat(first.body), f"{first.body!r}", f"{word!r}, as it is sent")


def _flat(body: object) -> str:
    return unquote(json.dumps(body, ensure_ascii=False, default=str))


async def _unknown_options_are_refused(t: Trial) -> None:
    error = await t.error_of(answer(BOWL), due=polycall.ConfigurationError, kiln_level7401="warm7402")
    t.true("kiln_level7401" in str(error) and "warm7402" not in str(error), str(error), "the name, without the value")
    t.equal(len(t.told), 0, "the number of requests")


@check("D02 options_pass_through", hook=HOOK, needs="unknown_options", otherwise=_unknown_options_are_refused)
async def options_pass_through(t: Trial) -> None:
    """Options of the service reach it unchanged, also those that the plugin does not know."""
    await t.ask(answer(BOWL), kiln_level7401="warm7402", kiln_table={"inner7403": [1, "x7404"]})
    missing = [one for one in ("kiln_level7401", "warm7402", "inner7403", "x7404") if one not in t.told[-1].text]
    t.equal(missing, [], "what of the options is not in the request")


@check("D03 colliding_option_refused", hook=HOOK)
async def colliding_option_refused(t: Trial) -> None:
    """An option that polycall sets itself, or that is almost one of its own, is refused, and nothing is sent."""
    for name in ("max_retris", *t.double.reserved_options):
        error = await t.error_of(answer(BOWL), due=polycall.ConfigurationError, **{name: "value7411"})
        t.true(name in str(error) and "value7411" not in str(error), str(error), f"{name!r}, without its value")
        t.equal(len(t.told), 0, "the number of requests")


async def _works_without_a_model(t: Trial) -> None:
    with t.double.client_without_model() as client:
        t.equal(list(await t.ask(answer(BOWL), client=client)), [Search(query="super bowl")], "the calls")


@check("D04 missing_model_refused", hook=HOOK, ways=ONCE, needs="model_required", otherwise=_works_without_a_model)
async def missing_model_refused(t: Trial) -> None:
    """Where a model is needed, a request without one is a `ConfigurationError`, and nothing is sent."""
    with t.double.client_without_model() as client:
        await t.error_of(answer(BOWL), due=polycall.ConfigurationError, client=client)
    t.equal(len(t.told), 0, "the number of requests")


@check("D05 all_roles_carried", hook=HOOK, ways=ONCE)
async def all_roles_carried(t: Trial) -> None:
    """Every role is carried: system, user, assistant with words and with calls, tool; and a bare text is the user's."""
    call = {"id": "r1", "type": "function", "function": {"name": "Search", "arguments": '{"query": "q7421"}'}}
    messages: list[Any] = [
        {"role": "system", "content": "system7422"},
        {"role": "user", "content": [{"type": "text", "text": "user7423"}]},
        {"role": "assistant", "content": "assistant7424"},
        {"role": "user", "content": "user7425"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "r1", "content": "tool7426"},
        "bare7427",
    ]
    await t.ask(answer(BOWL), messages=messages)
    told = t.told[-1]
    for role, words in (("system", "system7422"), ("user", "user7423"), ("assistant", "assistant7424"),
                        ("user", "user7425"), ("tool", "tool7426"), ("user", "bare7427")):  # fmt: skip
        found = [one.role for one in told.messages if words in one.text]
        t.equal(found, [role], f"the role of {words!r}")
    t.equal([call.name for call in told.echoed_calls], ["Search"], "the calls")


_ODD_MESSAGES: tuple[Any, ...] = (
    7,
    None,
    [],
    {},
    {"role": "robot", "content": "x"},
    {"role": ["user"], "content": "x"},
    {"role": "user"},
    {"role": "user", "content": 7},
    {"role": "user", "content": [7]},
    {"role": "user", "content": [{"type": "hologram", "data": 1}]},
    {"role": "user", "content": [{"type": "text"}]},
    {"role": "user", "content": [{"type": "text", "text": 7}]},
    {"role": "user", "content": "lone \ud800 surrogate"},
    {"role": "assistant", "tool_calls": 7},
    {"role": "assistant", "tool_calls": [7]},
    {"role": "assistant", "tool_calls": [{}]},
    {"role": "assistant", "tool_calls": [{"id": [], "type": "function", "function": {"name": "A", "arguments": "{}"}}]},
    {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": 7, "arguments": "{}"}}]},
    {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "A", "arguments": 7}}]},
    {"role": "tool", "content": "x"},
    {"role": "tool", "tool_call_id": {}, "content": "x"},
    {"role": "tool", "tool_call_id": "nobody", "content": 7},
)


@check("D06 uncarriable_message_refused", hook=HOOK, ways=ONCE)
async def uncarriable_message_refused(t: Trial) -> None:
    """A message is carried, or it is a `MessageError` and nothing is sent: never another exception."""
    for message in _ODD_MESSAGES:
        t.double.forget()
        try:
            await t.ask(answer(BOWL), messages=[*MESSAGES, message])
        except polycall.MessageError as error:
            t.equal(len(t.told), 0, f"the number of requests after {error}")
            t.true("messages[" in str(error), str(error), "the place, as messages[1]")
        except Exception as error:
            t.fail(f"{type(error).__name__}: {error} for {message!r}", "MessageError, or a request", cause=error)


@check("D07 callers_messages_untouched", hook=HOOK)
async def callers_messages_untouched(t: Trial) -> None:
    """The caller's messages and options are as they were, in all their depth, after a call with corrections."""
    call = {"id": "u1", "type": "function", "function": {"name": "Search", "arguments": '{"query": "x"}'}}
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "u1", "content": [{"type": "text", "text": "found"}]},
    ]
    before = copy.deepcopy(messages)
    await t.ask(answer(TORONTO, BAD), answer(DALLAS), messages=messages, max_retries=1)
    t.equal(messages, before, "the messages")


class _Watch:
    """Notes how many requests the service had when an async hook returned its awaitable."""

    polycall_hook_api = HOOK_API_VERSION

    def __init__(self, t: Trial) -> None:
        self._trial = t
        self.seen: list[int] = []

    @hookimpl(wrapper=True)
    def polycall_send_async(self) -> Generator[None, Any, Any]:
        sending = yield
        self.seen.append(len(self._trial.told))
        return sending


@check("D08 async_sends_when_awaited", hook="polycall_send_async", ways=("create async",))
async def async_sends_when_awaited(t: Trial) -> None:
    """Nothing is sent before the result is awaited."""
    watch = _Watch(t)
    register(_EXTENSION, watch)
    try:
        client = t.double.async_client()
    finally:
        polycall.unregister(_EXTENSION)
    async with client:
        t.script(answer(BOWL))
        call = client.create(**t.options())
        t.equal(len(t.told), 0, "the number of requests of a call that is not awaited")
        await call
    t.equal(watch.seen, [0], "the requests when the hook returned")


@check("D09 one_request_per_round", hook="polycall_send")
async def one_request_per_round(t: Trial) -> None:
    """One round is one request; a correction is a second one."""
    await t.ask(answer(BOWL))
    t.equal(len(t.told), 1, "the number of requests")
    await t.ask(answer(TORONTO, BAD), answer(DALLAS), max_retries=1)
    t.equal(len(t.told), 3, "the number of requests with those of a correction")


@check("D10 values_that_json_lacks", hook=HOOK, ways=ONCE)
async def values_that_json_lacks(t: Trial) -> None:
    """An echoed call with NaN, huge numbers or lone surrogates is sent in a form that every parser takes."""
    for arguments in ('{"query": NaN}', '{"query": 1e999}', '{"query": "\\ud800"}', "", "[]", "{"):
        t.double.forget()
        call = {"id": "n1", "type": "function", "function": {"name": "Search", "arguments": arguments}}
        messages: list[Any] = [
            *MESSAGES,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "n1", "content": "x"},
        ]
        try:
            await t.ask(answer(BOWL), messages=messages)
        except polycall.MessageError:
            t.equal(len(t.told), 0, "the number of requests after a MessageError")
            continue
        t.equal(len(t.told[-1].echoed_calls), 1, f"the calls that are echoed for {arguments!r}")
        require_objects(t, t.told[-1])


@check("D11 odd_names_of_tools_in_history", hook=HOOK, ways=ONCE)
async def odd_names_of_tools_in_history(t: Trial) -> None:
    """A conversation with calls of tools that are not offered is carried, each with its result."""
    first = await t.ask(Answer(steps=(Call("Search", {"query": "x"}, "h1"),)))
    messages = first.continue_with(["found"])
    await t.ask(answer(TORONTO), messages=messages, response_model=list[Weather])
    t.equal([call.name for call in t.told[-1].echoed_calls], ["Search"], "the calls")
    t.equal([one.text for one in t.told[-1].results], ["found"], "the results")
