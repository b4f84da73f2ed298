"""Group L: secrets stay secret, and a reply cannot do harm."""

from __future__ import annotations

import ast
import io
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polycall
from polycall.plugin import HOOK_API_VERSION, Request, hookimpl
from polycall.testing._conformance.answers import Answer, Call, Fault, Scripted, Text, answer
from polycall.testing._conformance.checks.extraction import BOWL, THREE, TORONTO
from polycall.testing._conformance.checks_table import ONCE, check
from polycall.testing._conformance.doubles import SECRET
from polycall.testing._conformance.plugin_facts import PluginFacts
from polycall.testing._conformance.trial import Search, Trial
from polycall.testing._extensions import register
from polycall.testing.wire import Gate

_EXTENSION = "~polycall.testing.conformance"


def _faults(t: Trial) -> Iterator[Scripted]:
    if t.double.has("error_status"):
        yield from (Fault("auth", "cold"), Fault("server_error", "cold"))
    if t.double.has("network"):
        yield from (Fault("html"), Fault("empty"), Fault("close"))
    yield Answer(steps=(Call("Search", {"wrong": 1}, "l1"),))


@check("L01 key_not_in_errors", hook="polycall_send", needs="secret")
async def key_not_in_errors(t: Trial) -> None:
    """The key is not in an error: not in its message, arguments, notes and causes, nor in the locals of its frames."""
    package = PluginFacts(t.double.provider).package
    for scripted in _faults(t):
        error = await t.error_of(scripted, due=Exception)
        seen: BaseException | None = error
        while seen is not None:
            said = f"{seen} {seen!r} {seen.args} {getattr(seen, '__notes__', '')}"
            t.true(SECRET not in said, f"the key in {said.replace(SECRET, '<key>')}", "no key")
            for frame, _ in traceback.walk_tb(seen.__traceback__):
                if str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("polycall", package):
                    shown = {name: _repr(value) for name, value in frame.f_locals.items()}
                    leaks = [name for name, text in shown.items() if SECRET in text]
                    t.equal(leaks, [], f"locals of {frame.f_code.co_qualname} whose repr shows the key")
            seen = seen.__cause__ or seen.__context__


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return ""


@contextmanager
def _all_logs() -> Iterator[io.StringIO]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@check("L02 key_not_in_logs", hook="polycall_send", needs="secret")
async def key_not_in_logs(t: Trial) -> None:
    """The key is in no line of any logger, at DEBUG, of a good call and of failures."""
    with _all_logs() as logs:
        await t.ask(answer(BOWL))
        for scripted in _faults(t):
            await t.error_of(scripted, due=Exception)
    t.true(SECRET not in logs.getvalue(), "the key in the logs", "no key")


class _Watch:
    polycall_hook_api = HOOK_API_VERSION

    def __init__(self) -> None:
        self.shown: list[str] = []

    @hookimpl
    def polycall_before_request(self, request: Request) -> None:
        self.shown.append(repr(request))


@check("L03 options_not_in_repr", hook="polycall_render_request", ways=ONCE)
async def options_not_in_repr(t: Trial) -> None:
    """What is passed as a header is in no ``repr`` and in no error of the core or the plugin."""
    watch = _Watch()
    register(_EXTENSION, watch)
    try:
        client = t.double.client()
    finally:
        polycall.unregister(_EXTENSION)
    secret = "header-secret-9876543210"  # noqa: S105
    with client:
        try:
            calls = await t.ask(answer(BOWL), client=client, extra_headers={"x-secret": secret})
            watch.shown.append(repr(calls))
        except polycall.ConfigurationError as error:
            watch.shown.append(repr(error))
    t.true(watch.shown and not any(secret in text for text in watch.shown), "the header's value", "no value")


@check("L04 reply_size_limited", hook="polycall_create_decoder", needs="reply_limit")
async def reply_size_limited(t: Trial) -> None:
    """``max_reply_bytes`` ends a reply that is larger, whole and streamed; the calls before are kept in a stream."""
    client: Any = (t.double.async_client if t.asynchronous else t.double.client)(max_reply_bytes=20_000)
    large = ("Search", {"query": "x" * 300_000})
    try:
        error = await t.error_of(
            answer(TORONTO, BOWL, large, fragment=4096), due=polycall.IncompleteOutputError, client=client
        )
        t.true("max_reply_bytes" in str(error), str(error), "the name of the setting")
        if t.streamed and t.double.has("stream"):
            t.equal(list(error.calls)[:1], THREE[:1], "the calls before")
        t.equal(list(await t.ask(answer(BOWL), client=client)), [THREE[2]], "the next call, which is small")
    finally:
        await client.close() if t.asynchronous else client.close()


@check("L05 deep_nesting_bounded", hook="polycall_extract_reply", needs="argument_text")
async def deep_nesting_bounded(t: Trial) -> None:
    """Arguments of 10,000 levels are a clean error of their call, and its siblings are kept."""
    for deep in ('{"query": ' + "[" * 10_000 + "]" * 10_000 + "}", '{"query": ' * 10_000):
        made = Answer(steps=(Call("Search", {"query": "a"}, "d1"), Call("Search", deep, "d2")), fragment=1 << 14)
        error = await t.error_of(made, due=polycall.InvalidCallsError)
        t.equal(list(error.calls), [Search(query="a")], "the other call")
        t.true(len(str(error)) < 2_000, f"a message of {len(str(error))} characters", "less than 2,000")


@check("L06 quotes_are_bounded", hook="polycall_extract_reply")
async def quotes_are_bounded(t: Trial) -> None:
    """An error, and what the model is told, quote the beginning of a long value only."""
    bad = answer(("Weather", {"location": "x", "units": "y" * 200_000}), fragment=1 << 14)
    error = await t.error_of(bad, bad, due=polycall.InvalidCallsError, max_retries=1)
    t.true(len(str(error)) < 3_000, f"a message of {len(str(error))} characters", "less than 3,000")
    told = [len(one.text) for one in t.told[1].results]
    t.true(max(told) < 10_000, f"results of {told} characters", "less than 10,000")


_DANGEROUS_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
_DANGEROUS_CALLS = {"eval", "exec", "__import__"}


@check("L07 no_pickle_no_eval", hook="the plugin's modules", ways=ONCE)
def no_pickle_no_eval(t: Trial) -> None:
    """The plugin's modules use neither ``pickle`` and its like nor ``eval`` and ``exec``."""
    found: list[str] = []
    for path, tree in PluginFacts(t.double.provider).sources():
        for node in ast.walk(tree):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names} & _DANGEROUS_MODULES
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").partition(".")[0]} & _DANGEROUS_MODULES
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = {node.func.id} & _DANGEROUS_CALLS
            found += [f"{name} in {path.name}:{getattr(node, 'lineno', 0)}" for name in names]
    t.equal(found, [], "what it uses")


@check("L08 endless_words_are_limited", hook="polycall_create_decoder", ways=("stream", "stream async"),
       needs=("reply_limit", "stream", "text"))  # fmt: skip
async def endless_words_are_limited(t: Trial) -> None:
    """Words without an end are ended by ``max_reply_bytes``, and the calls before them are kept."""
    client: Any = (t.double.async_client if t.asynchronous else t.double.client)(max_reply_bytes=20_000)
    words = [Text("w" * 1_000)] * 400
    gate = Gate("before the words")
    t.script(answer(TORONTO, BOWL, gate, *words, fragment=1_000, finish="missing"))
    try:
        async with t.open(client) as stream:
            first = await stream.next()
            gate.open()
            try:
                await stream.rest()
            except polycall.IncompleteOutputError as error:
                t.equal(list(error.calls)[:1], [first], "the calls before")
            else:
                t.fail("an end without an error", "IncompleteOutputError")
    finally:
        await client.close() if t.asynchronous else client.close()
