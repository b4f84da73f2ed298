"""Group B: settings, and clients that are made, recognised and closed."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any
from unittest.mock import MagicMock, patch

from pydantic import BaseModel, SecretStr

import polycall
from polycall.testing._conformance.answers import answer
from polycall.testing._conformance.checks.extraction import BOWL
from polycall.testing._conformance.checks_table import ONCE, WHOLE, check
from polycall.testing._conformance.doubles import SECRET
from polycall.testing._conformance.plugin_facts import PluginFacts, undocumented_fields
from polycall.testing._conformance.trial import NothingToTest, Search, Trial

SETTINGS = "polycall_settings_type"
RECOGNIZE = "polycall_recognize_client"
_KEY_LIKE = re.compile(r"(^|_)(api_?key|key|token|secret|password|credential)$")


def _settings_type(t: Trial) -> type[BaseModel]:
    settings_type = PluginFacts(t.double.provider).settings_type
    if settings_type is None:
        raise NothingToTest("the provider takes no settings")
    return settings_type


@check("B01 settings_model_valid", hook=SETTINGS, ways=ONCE)
def settings_model_valid(t: Trial) -> None:
    """The settings are a pydantic model, and each field is documented."""
    t.equal(undocumented_fields(_settings_type(t)), [], "fields without a description")


@check("B02 secrets_are_secret", hook=SETTINGS, ways=ONCE)
def secrets_are_secret(t: Trial) -> None:
    """Fields for keys, tokens and passwords are ``SecretStr``."""
    fields = _settings_type(t).model_fields
    open_ones = [
        name for name, field in fields.items() if _KEY_LIKE.search(name) and "SecretStr" not in repr(field.annotation)
    ]
    t.equal(open_ones, [], "fields for secrets that are not secret")


@check("B03 secret_in_no_repr", hook="polycall_bind_client", ways=ONCE, needs="secret")
async def secret_in_no_repr(t: Trial) -> None:
    """The secret is in no ``repr``: of the settings, the client, a rendered request, the calls."""
    settings = t.double.settings()
    made = _settings_type(t).model_validate(settings)
    calls = await t.ask(answer(BOWL))
    shown = [repr(made), str(made), repr(t.clients.sync), repr(t.clients.sync.render(**_request(t))), repr(calls)]
    for text in shown:
        t.true(SECRET not in text, f"the secret in {text.replace(SECRET, '<secret>')}", "none of it")


def _request(t: Trial) -> dict[str, Any]:
    return {name: value for name, value in t.options().items() if name != "max_retries"}


@check("B04 unknown_setting_refused", hook=SETTINGS, ways=ONCE)
def unknown_setting_refused(t: Trial) -> None:
    """A setting that is not one is refused, with the name of the nearest; its value is not shown."""
    name = next(iter(_settings_type(t).model_fields))
    misspelt = name[:-1] + "x"
    try:
        t.double.client(**{misspelt: SECRET}).close()
    except polycall.ConfigurationError as error:
        t.true(misspelt in str(error) and name in str(error), str(error), f"{misspelt!r} and {name!r}")
        t.true(SECRET not in str(error), "the value in the message", "no value")
    else:
        t.fail(f"no error for {misspelt!r}", "ConfigurationError")


@check("B05 creates_sync_client", hook="polycall_create_client", ways=ONCE)
async def creates_sync_client(t: Trial) -> None:
    """A sync client is made by name from the documented settings, and works."""
    with t.double.client() as client:
        t.equal(list(await t.ask(answer(BOWL), client=client)), [Search(query="super bowl")], "the calls")


@check("B06 creates_async_client", hook="polycall_create_client", ways=("create async",))
async def creates_async_client(t: Trial) -> None:
    """An async client is made by name from the documented settings, and works in an event loop."""
    async with t.double.async_client() as client:
        t.equal(list(await t.ask(answer(BOWL), client=client)), [Search(query="super bowl")], "the calls")


@check("B07 recognizes_own_clients", hook=RECOGNIZE, ways=WHOLE, needs="foreign_client")
async def recognizes_own_clients(t: Trial) -> None:
    """``polycall.from_client`` takes the SDK's clients, sync and async."""
    sdk = t.double.sdk_client(asynchronous=t.asynchronous)
    client = polycall.from_client(sdk, async_client=t.asynchronous, **_for_sdk_client(t))
    try:
        calls = await t.ask(answer(BOWL), client=client, model=t.double.model)
        t.equal((list(calls), client.provider), ([Search(query="super bowl")], t.double.provider), "the calls")
    finally:
        await t.double.close_sdk_client(sdk)


def _for_sdk_client(t: Trial) -> Any:
    return t.double.sdk_client_settings()


class _Near:
    """It has the methods of everything."""

    def __getattr__(self, name: str) -> object:
        return MagicMock()


class _Raising:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)

    @property  # type: ignore[misc]  # read-only, unlike that of `object`
    def __class__(self) -> Any:
        raise RuntimeError("__class__")


@check("B08 recognizes_nothing_else", hook=RECOGNIZE, ways=ONCE)
def recognizes_nothing_else(t: Trial) -> None:
    """Any other object is not recognised, whatever it is like, and none raises an exception."""
    facts = PluginFacts(t.double.provider)
    if not facts.provider.has_own(RECOGNIZE):
        raise NothingToTest("clients of this provider are created by name only")
    hooks: Any = facts.provider.hooks
    objects: list[Any] = ["text", None, 7, object(), {}, [], Search, MagicMock(), _Near(), _Raising(), socket, SECRET]
    for thing in objects:
        try:
            found = hooks.polycall_recognize_client(client=thing)
        except Exception as error:
            t.fail(f"{type(error).__name__}: {error} for {type(thing)}", "None", cause=error)
        t.equal(found, None, f"what it says of {type(thing)}")


@check("B09 bind_does_no_io", hook="polycall_bind_client", ways=ONCE, needs="foreign_client")
async def bind_does_no_io(t: Trial) -> None:
    """Making a polycall client of an SDK's client connects to nobody."""
    sdk = t.double.sdk_client(asynchronous=False)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    with patch.object(socket.socket, "connect", refuse), patch.object(socket, "create_connection", refuse):
        polycall.from_client(sdk, async_client=False).close()
    await t.double.close_sdk_client(sdk)


@check("B10 foreign_client_settings_refused", hook="polycall_bind_client", ways=ONCE, needs="foreign_client")
async def foreign_client_settings_refused(t: Trial) -> None:
    """A setting that needs a new client is refused for a client that was handed in."""
    names = PluginFacts(t.double.provider).new_client_only()
    own = t.double.sdk_client_settings()
    given: Any = {name: value for name, value in t.double.settings().items() if name in names or not names}
    given = {name: value for name, value in given.items() if name not in own}
    if not given:
        raise NothingToTest("no setting needs a new client")
    sdk = t.double.sdk_client(asynchronous=False)
    try:
        polycall.from_client(sdk, async_client=False, **given)
    except polycall.ConfigurationError as error:
        t.true(SECRET not in str(error), "a value in the message", "no value")
    else:
        t.fail(f"no error for {sorted(given)}", "ConfigurationError")
    finally:
        await t.double.close_sdk_client(sdk)


@check("B11 closes_only_its_own", hook="polycall_close_client", ways=WHOLE, needs="foreign_client")
async def closes_only_its_own(t: Trial) -> None:
    """Closing a polycall client twice is harmless, and a client that was handed in goes on working."""
    sdk = t.double.sdk_client(asynchronous=t.asynchronous)
    for _ in range(2):
        client: Any = polycall.from_client(sdk, async_client=t.asynchronous, **_for_sdk_client(t))
        calls = await t.ask(answer(BOWL), client=client, model=t.double.model)
        t.equal(list(calls), [Search(query="super bowl")], "the calls")
        for _ in range(2):
            await client.close() if t.asynchronous else await asyncio.to_thread(client.close)
    await t.double.close_sdk_client(sdk)


@check("B12 odd_secrets", hook="polycall_create_client", ways=ONCE, needs="secret")
async def odd_secrets(t: Trial) -> None:
    """A secret with a line break or a control character is refused, or sent as it is: never a second line."""
    settings = t.double.settings()
    name = next((key for key, value in settings.items() if value == SECRET), None)
    if name is None:
        raise NothingToTest("the secret is not a setting")
    odd = SecretStr(f"{SECRET}\r\nx-injected: 1")
    try:
        with t.double.client(**{name: odd}) as client:
            await t.ask(answer(BOWL), client=client)
    except Exception as error:
        text = f"{error!r} {error.__cause__!r}"
        t.true(SECRET not in text, "the secret in the error", "no secret")
    for told in t.told:
        t.true(b"\r\nx-injected: 1" not in told.raw.lower(), "a second header", "one, or an error")
