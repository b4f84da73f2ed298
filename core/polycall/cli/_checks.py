"""The checks of ``polycall check``, one finding after the other."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import polycall
from polycall._clients.config_report import ProfileReport, config_report, provider_settings
from polycall._plugins.discovery import EXTENSION_GROUP, PROVIDER_GROUP, is_allowed, variable_of
from polycall._plugins.registry import registry
from polycall.cli._errors import explain
from polycall.cli._examples import INSTALL
from polycall.cli._exit_codes import ExitCode
from polycall.cli._findings import Finding
from polycall.cli._input.target import refused_by_sdk
from polycall.cli._installed import installed, kind_of_group, unknown_allowed_names
from polycall.plugin import did_you_mean

Spinner = Callable[[str], AbstractContextManager[object]]


class Ready(BaseModel):
    """Say that you are ready."""

    ready: bool


def run_checks(
    profiles: Sequence[str], config: str | None, *, online_timeout_s: float | None, waiting: Spinner
) -> Iterator[Finding]:
    """Look at everything.

    Args:
        profiles: Only these; all if none.
        config: The config file; ``None`` finds it.
        online_timeout_s: Also make a call for each profile, which may take so long; ``None`` makes none.
        waiting: Shows that a step takes its time.
    """
    python = f"Python {platform.python_version()} on {platform.system()}"
    yield Finding("polycall", "polycall", True, f"{version('polycall')}, {python}")
    yield from _providers()
    yield from _extensions()
    yield from _profiles(profiles, config, online_timeout_s, waiting)


def _providers() -> Iterator[Finding]:
    section = "Providers"
    found = installed(PROVIDER_GROUP)
    if not found:
        yield Finding(section, "none", False, "no provider is installed", f"Install one: {INSTALL}")
    for one in found:
        name, distribution = one.plugin.name, one.plugin.distribution_text
        if not one.allowed:
            yield Finding(section, name, True, f"{distribution}, left out by {variable_of(PROVIDER_GROUP)}")
            continue
        missing = [sdk for sdk, found_version in one.sdk if found_version is None]
        try:
            registry.check(PROVIDER_GROUP, name)
        except polycall.PolycallError as error:
            yield _wrong(section, name, error)
            continue
        if missing:
            yield Finding(
                section,
                name,
                False,
                f"{distribution} lacks {', '.join(missing)}",
                f"pip install --upgrade {one.plugin.distribution}",
            )
        else:
            yield Finding(section, name, True, ", ".join(part for part in (distribution, one.sdk_text) if part))
    yield from _misspelt(PROVIDER_GROUP, section)


def _extensions() -> Iterator[Finding]:
    section = "Extensions"
    for one in installed(EXTENSION_GROUP):
        name, distribution = one.plugin.name, one.plugin.distribution_text
        if not is_allowed(name, EXTENSION_GROUP):
            yield Finding(section, name, True, f"{distribution}, left out by {variable_of(EXTENSION_GROUP)}")
            continue
        try:
            registry.check(EXTENSION_GROUP, name)
        except polycall.PolycallError as error:
            yield _wrong(section, name, error)
        else:
            yield Finding(section, name, True, distribution)
    yield from _misspelt(EXTENSION_GROUP, section)


def _misspelt(group: str, section: str) -> Iterator[Finding]:
    for name in unknown_allowed_names(group):
        yield Finding(
            section,
            name,
            False,
            f"{variable_of(group)} lists it, and no such {kind_of_group(group)} is installed",
            f"Correct {variable_of(group)}, or install what offers it.",
        )


def _profiles(
    wanted: Sequence[str], config: str | None, online_timeout_s: float | None, waiting: Spinner
) -> Iterator[Finding]:
    section = "Profiles"
    try:
        report = config_report(config, check=True)
    except polycall.ConfigurationError as error:
        if config is None and error.source is None and not wanted:  # there is none: not everybody needs one
            yield Finding(section, "no config file", True, "'polycall init' writes one")
        else:
            yield _wrong(section, "config file", error)
        return
    yield Finding(section, str(report.file), True, report.reason)
    if report.choice_problem is not None and not wanted:
        yield _wrong(section, "active profile", report.choice_problem)
    known = {one.name: one for one in report.profiles}
    for name in wanted or known:
        if name not in known:
            problem = f"there is no such profile.{did_you_mean(name, known)}"
            yield Finding(section, name, False, problem, "'polycall config' shows the profiles.")
        elif (found := known[name].problem) is not None:
            yield _wrong(section, name, found)
        else:
            yield _profile(known[name], report.file, online_timeout_s, waiting)


def _profile(profile: ProfileReport, file: Path, online_timeout_s: float | None, waiting: Spinner) -> Finding:
    """Make the client of a profile, and one call if that is asked for."""
    section, name = "Profiles", profile.name
    described = f"{profile.provider}/{profile.model}" if profile.model else profile.provider
    try:
        with waiting(f"Making the client of {name}"):
            client = _make_client(file, profile)
        with client:
            if online_timeout_s is None:
                return Finding(section, name, True, described)
            with waiting(f"Asking {described}"):
                answered = _ask(client, online_timeout_s)
            return Finding(section, name, True, f"{described}, {answered}")
    except Exception as error:  # noqa: BLE001  # each is a finding
        return _wrong(section, name, error)


def _make_client(file: Path, profile: ProfileReport) -> polycall.Client:
    try:
        return polycall.from_config(file, profile.name, False, **_without_downloads(profile))
    except polycall.PolycallError:
        raise
    except Exception as error:
        raise refused_by_sdk(error, profile.provider) from error


def _without_downloads(profile: ProfileReport) -> dict[str, Any]:
    """What keeps a provider of local models from fetching one: a check must not take hours."""
    has_switch = any(one.name == "offline" for one in provider_settings(profile.provider))
    return {"offline": True} if has_switch else {}


def _ask(client: polycall.Client, timeout_s: float) -> str:
    """Make one tiny call; how it was answered."""
    messages = [{"role": "user", "content": "Call the tool Ready, to say that you are ready."}]
    options: dict[str, Any] = {"timeout": timeout_s}
    try:
        client.render(messages, list[Ready], **options)
    except polycall.ConfigurationError:
        options = {}  # a provider without a time limit
    started = time.perf_counter()
    calls = client.create(messages, list[Ready], max_retries=0, **options)
    return f"answered in {time.perf_counter() - started:.1f} s{f' by {calls.model}' if calls.model else ''}"


def _wrong(section: str, name: str, error: BaseException) -> Finding:
    problem = explain(error)
    is_general = problem.code is ExitCode.PROBLEM or "polycall check" in (problem.hint or "")
    return Finding(section, name, False, problem.message, None if is_general else problem.hint)
