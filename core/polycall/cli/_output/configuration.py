"""A config file and its profiles, for people and for programs. Never the value of a secret."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from polycall._clients.config_report import ConfigReport, ProfileReport, SettingReport
from polycall.cli._errors import explain
from polycall.cli._output.json_text import json_text
from polycall.cli._output.terminal import styled, wrapped

_BY = {"profile=": "-p", "path=": "-c", "default": "default in the file"}


def configuration_data(report: ConfigReport) -> dict[str, object]:
    """A report as JSON data."""
    return {
        "file": str(report.file),
        "found_by": _BY.get(report.found_by, report.found_by),
        "reason": _reason(report),
        "active": report.active,
        "chosen_by": None if report.chosen_by is None else _BY.get(report.chosen_by, report.chosen_by),
        "problem": None if report.choice_problem is None else explain(report.choice_problem).message,
        "required_extensions": list(report.required_extensions),
        "profiles": [_profile_data(one) for one in report.profiles],
    }


def print_configuration(report: ConfigReport) -> None:
    """Print a report: the file, then a block for each profile."""
    out = sys.stdout
    out.write(f"{styled(str(report.file), 'bold', out)}  {_reason(report)}\n")
    if report.required_extensions:
        out.write(f"required extensions: {', '.join(report.required_extensions)}\n")
    if report.choice_problem is not None:
        out.write(f"{styled('problem:', 'red', out)} {explain(report.choice_problem).message}\n")
    for profile in report.profiles:
        active = ""
        if profile.name == report.active:
            by = _BY.get(str(report.chosen_by), str(report.chosen_by))
            active = styled(f"  active: {by}", "green", out)
        out.write(f"\n{styled(profile.name, 'cyan', out)}{active}\n")
        rows = list(_rows(profile))
        size = max(len(key) for key, _ in rows)
        for key, text in rows:
            out.write(f"  {styled(f'{key:{size}}', 'dim', out)}  {text}\n")
        if profile.problem is not None:
            message = wrapped(explain(profile.problem).message, out, after=11, indent=4)
            out.write(f"  {styled('problem:', 'red', out)} {message}\n")


def _rows(profile: ProfileReport) -> Iterator[tuple[str, str]]:
    yield "provider", profile.provider
    if profile.model is not None:
        yield "model", profile.model
    for one in profile.settings:
        yield one.key, _shown(one)
    if profile.options:
        yield "options", ", ".join(f"{name} = {json_text(value)}" for name, value in profile.options.items())
    if profile.max_corrections is not None:
        yield "max_corrections", str(profile.max_corrections)


def _shown(setting: SettingReport) -> str:
    if setting.shown is not None:
        return setting.shown
    state = styled(setting.state, "red" if setting.state == "missing" else "green", sys.stdout)
    return f"{setting.variable or '(not shown: it may be the secret itself)'}  {state}"


def _reason(report: ConfigReport) -> str:
    return "named by -c" if report.found_by == "path=" else report.reason


def _profile_data(profile: ProfileReport) -> dict[str, object]:
    return {
        "name": profile.name,
        "provider": profile.provider,
        "model": profile.model,
        "options": dict(profile.options),
        "max_corrections": profile.max_corrections,
        "settings": [
            {
                "key": one.key,
                "setting": one.setting,
                "state": one.state,
                "variable": one.variable,
                "secret": one.secret,
                "value": one.shown,
            }
            for one in profile.settings
        ],
        "problem": None if profile.problem is None else explain(profile.problem).message,
    }
