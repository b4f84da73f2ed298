"""Doubles for code that makes its clients itself, with `polycall.from_provider` or `polycall.from_config`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polycall
from polycall.testing._doubles.clients import PROVIDER_NAME, ScriptedProvider
from polycall.testing._extensions import register

_EXTENSION = "~polycall.testing.scripted"


@contextmanager
def use_scripted(*replies: object, then: object = None) -> Iterator[ScriptedProvider]:
    """Let every client that is made in this block follow a script, however it is made.

    By `polycall.from_provider`, `polycall.from_config` or `polycall.from_client`, for each installed provider, and for
    one named ``scripted``. Of settings only the names are checked, so no secrets are needed. Clients that were made
    before keep their provider.

    Args:
        *replies: As of `ScriptedProvider`, or one that exists.
        then: As of `ScriptedProvider`.

    Raises:
        ScriptError: At the end: a request had no reply, or replies are left.
        ConfigurationError: ``POLYCALL_EXTENSIONS`` leaves the double out.
        PluginError: Such a block is open already, or a provider named ``scripted`` is registered.
    """
    match replies:
        case [ScriptedProvider() as provider]:
            pass
        case _:
            provider = ScriptedProvider(*replies, then=then)
    with ExitStack() as stack:
        register(_EXTENSION, provider.make_hooks(in_place=True))
        stack.callback(polycall.unregister, _EXTENSION)
        polycall.register_provider(PROVIDER_NAME, provider.make_hooks())
        stack.callback(polycall.unregister, PROVIDER_NAME)
        yield provider
    provider.check()


@contextmanager
def use_profile(provider: str = PROVIDER_NAME, *, profile: str = "test", **settings: object) -> Iterator[Path]:
    """Let `polycall.from_config` find a config file with one profile in this block, wherever the program runs.

    Args:
        provider: ``"provider/model"``, or the provider alone.
        profile: The profile's name, for code that asks for one by name.
        **settings: The provider's.

    Yields:
        The file's path.

    Raises:
        ConfigurationError: A setting that TOML cannot express.
    """
    name, _, model = provider.partition("/")
    values = {"provider": name, **({"model": model} if model else {}), **settings}
    table = "".join(f"{json.dumps(key)} = {_toml(value, key)}\n" for key, value in values.items())
    with tempfile.TemporaryDirectory(prefix="polycall-") as folder:
        file = Path(folder) / "polycall.toml"
        file.write_text(f"[profiles.{json.dumps(profile)}]\n{table}", encoding="utf-8")
        with _environment({"POLYCALL_CONFIG": str(file), "POLYCALL_PROFILE": None}):
            yield file


def _toml(value: object, key: str) -> str:
    if isinstance(value, (str, bool, int, float)):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item, key) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(str(name))} = {_toml(item, key)}' for name, item in value.items())}}}"
    raise polycall.ConfigurationError(
        f"use_profile({key}=...): a config file cannot hold {type(value).__name__}; leave the setting out.", key=key
    )


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
