"""``docs/configuration.md`` lists every key, setting, option and variable. ``python`` this file to write its tables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

import polycall
from polycall._clients.config_file import ConfigFile, Profile
from polycall._clients.config_report import config_schema, provider_settings
from polycall._clients.setting_facts import SettingFacts, descriptions, settings_facts
from polycall.plugin import NEUTRAL_OPTIONS

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docs" / "configuration.md"
PROVIDERS = ("openai", "vertex", "gemini", "llamacpp")
OPTIONS = {
    "max_tokens": "output tokens of one reply, at most",
    "temperature": "randomness of the choice of tokens",
    "top_p": "choose among the likeliest tokens that have this probability together",
    "stop": "a text, or a list of texts, before which the model stops",
    "seed": "for sampling that can be repeated",
    "timeout": "time limit of one request, in seconds",
    "extra_headers": "further HTTP headers",
    "parallel_tool_calls": "whether one reply may hold several calls",
}
INTERNAL = {"POLYCALL_RENDER_WITHOUT_KEY"}
"""A name that is only shown."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def keys() -> str:
    def rows(model: type[BaseModel], prefix: str) -> Iterator[list[str]]:
        texts = descriptions(model)
        for facts in settings_facts(model):
            default = "required" if facts.required else code(facts.default)
            yield [f"`{prefix}{facts.name}`", facts.type, default, texts[facts.name]]

    top = [row for row in rows(ConfigFile, "") if row[0] != "`profiles`"]
    return table(["key", "type", "default", "meaning"], [*top, *rows(Profile, "profiles.NAME.")])


def options() -> str:
    return table(["option", "meaning"], ([code(name), OPTIONS[name]] for name in NEUTRAL_OPTIONS))


def settings() -> str:
    return "\n".join(f"### {name}\n\n{_settings(provider_settings(name))}" for name in PROVIDERS)


def _settings(facts: tuple[SettingFacts, ...]) -> str:
    return table(
        ["setting", "key in a file", "type", "default", "the SDK reads", "meaning"],
        (
            [
                code(one.name) + ("" if one.new_clients_only else r" \*"),
                "" if one.key_in_file == one.name else code(one.key_in_file) or "none: an object",
                one.type,
                code(one.default),
                ", ".join(map(code, one.variables)),
                one.description,
            ]
            for one in facts
        ),
    )


def text() -> str:
    """The document with its tables made anew."""
    tables = {"keys": keys, "options": options, "settings": settings}

    def filled(match: re.Match[str]) -> str:
        return f"{match[1]}\n\n{tables[match[2]]()}\n{match[3]}"

    pattern = r"(<!-- (\w+): generated[^\n]*-->)\n.*?(<!-- end -->)"
    return re.sub(pattern, filled, FILE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_tables_are_those_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "Run: python tests/unit/documents/test_configuration.py"


def test_every_variable_of_polycall_is_listed_and_exists() -> None:
    listed = set(re.findall(r"^\| `(POLYCALL_\w+)` \|", FILE.read_text(encoding="utf-8"), re.MULTILINE))
    sources = [*(ROOT / "core").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    named = {one for path in sources for one in re.findall(r"POLYCALL_[A-Z]\w+", path.read_text(encoding="utf-8"))}

    assert listed == named - INTERNAL


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", FILE.read_text(encoding="utf-8"), re.DOTALL))
def test_the_files_of_the_page_are_valid(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = tomllib.loads(block)
    jsonschema.validate(content, config_schema())
    if "profiles" not in content:
        return
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    file = tmp_path / "polycall.toml"
    file.write_text(block, encoding="utf-8")

    client = polycall.from_config(file)

    class Weather(BaseModel):
        location: str

    body = client.render([{"role": "user", "content": "?"}], list[Weather]).body
    assert isinstance(body, dict)
    assert (body["temperature"], body["max_tokens"]) == (0.2, 500)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"Wrote {FILE}.")
