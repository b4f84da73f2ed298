"""Mistakes in names, settings, files, options and keys, each with the whole message. The real plugins answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import openai
import pytest
from pydantic import BaseModel

import polycall

KEY = "sk-do-not-show-this-4711"  # a made-up one
FAST = '[profiles.fast]\nprovider = "openai"\nmodel = "m"\n'
WITH_KEY = f'{FAST}api_key_env = "MY_KEY"\n'
GOOGLE = '[profiles.fast]\nprovider = "vertex"\nmodel = "g"\nproject = "p"\nlocation = "l"\n'
ASK = [{"role": "user", "content": "Weather in Rome?"}]
VARIABLES = (
    *("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"),
    *("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "POLYCALL_PROFILE", "POLYCALL_CONFIG"),
)


class Weather(BaseModel):
    location: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, the root of a project; ``MY_KEY`` holds a key."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(make: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - its class and words are compared
        make()
    assert KEY not in "".join([str(raised.value), *getattr(raised.value, "__notes__", ())])
    return raised.value


# -- in a file --------------------------------------------------------------------------------------------------------


class InFile(NamedTuple):
    """A file that is wrong, and what `polycall.from_config` says of it; ``{file}`` is its path."""

    row: str
    text: str
    message: str
    key: str | None
    environment: Mapping[str, str] = {}
    arguments: Mapping[str, object] = {}


SET = "Secrets are named, never written, and this sounds like one"
FILES = [
    InFile(
        "36 is_async",
        f"{WITH_KEY}is_async = true",
        "{file}: profiles.fast.is_async: 'is_async' is not a setting of provider 'openai'. Pass async_client=True to "
        "from_config().",
        "profiles.fast.is_async",
    ),
    InFile(
        "37 an option among the settings",
        f"{WITH_KEY}temperature = 0.2",
        "{file}: profiles.fast.temperature: 'temperature' is not a setting of provider 'openai'. 'temperature' is an "
        "option of create(); as a default of every call: options = {{ temperature = ... }}.",
        "profiles.fast.temperature",
    ),
    InFile(
        "37 a misspelt one",
        f"{WITH_KEY}temprature = 0.2",
        "{file}: profiles.fast.temprature: 'temprature' is not a setting of provider 'openai'. 'temperature' is an "
        "option of create(); as a default of every call: options = {{ temperature = ... }}.",
        "profiles.fast.temprature",
    ),
    InFile(
        "37 corrections",
        f"{GOOGLE}max_retries = 1",
        "{file}: profiles.fast.max_retries: 'max_retries' is not a setting of provider 'vertex'. The corrections asked "
        "of the model are max_corrections, or create(max_retries=...).",
        "profiles.fast.max_retries",
    ),
    InFile(
        "38 region",
        '[profiles.fast]\nprovider = "vertex"\nregion = "us-central1"',
        "{file}: profiles.fast.region: 'region' is not a setting of provider 'vertex'. Did you mean 'location'?",
        "profiles.fast.region",
    ),
    *(
        InFile(
            f"41 timeout = {value}",
            f"{WITH_KEY}timeout = {value}",
            f"{{file}}: profiles.fast.timeout: Input should be {problem}.",
            "profiles.fast.timeout",
        )
        for value, problem in [
            ("-5", "greater than 0"),
            ("0", "greater than 0"),
            ("nan", "a finite number"),
            ("inf", "a finite number"),
        ]
    ),
    InFile(
        "42 max_retries = -1",
        f"{WITH_KEY}max_retries = -1",
        "{file}: profiles.fast.max_retries: Input should be greater than or equal to 0.",
        "profiles.fast.max_retries",
    ),
    InFile(
        "45 a variable that is not set",
        f'{WITH_KEY}base_url_env = "MY_URL"',
        "{file}: profiles.fast.base_url_env: the environment variable 'MY_URL' is not set. Set it and try again.",
        "profiles.fast.base_url_env",
    ),
    InFile(
        "45 a variable of a wrong value",
        f'{WITH_KEY}max_retries_env = "MY_NUMBER"',
        "{file}: profiles.fast.max_retries_env: Input should be a valid integer, unable to parse string as an integer.",
        "profiles.fast.max_retries_env",
        {"MY_NUMBER": "two"},
    ),
    InFile(
        "45 both",
        f'{WITH_KEY}base_url = "http://a/v1"\nbase_url_env = "MY_URL"',
        "{file}: profiles.fast.base_url_env: 'base_url' and 'base_url_env' are the same setting. Leave one of them "
        "out.",
        "profiles.fast.base_url_env",
        {"MY_URL": "http://b/v1"},
    ),
    InFile(
        "64 a profile that the environment names",
        FAST,
        "{file}: POLYCALL_PROFILE: 'prod' is not a profile. Known: fast.",
        "profiles.prod",
        {"POLYCALL_PROFILE": "prod"},
    ),
    InFile(
        "64 a profile that the file names",
        f'default = "fats"\n{FAST}',
        "{file}: default: 'fats' is not a profile. Did you mean 'fast'?",
        "default",
    ),
    InFile(
        "66 modle",
        f'{FAST}modle = "m"',
        "{file}: profiles.fast.modle: 'modle' is not a setting of provider 'openai'. Did you mean 'model'?",
        "profiles.fast.modle",
    ),
    InFile(
        "66 providr",
        '[profiles.fast]\nprovidr = "openai"',
        "{file}: profiles.fast.provider: there is none; 'providr' is not a known key. Did you mean 'provider'?",
        "profiles.fast.provider",
    ),
    InFile(
        "66 optons",
        f"{WITH_KEY}optons = {{}}",
        "{file}: profiles.fast.optons: 'optons' is not a setting of provider 'openai'. Did you mean 'options'?",
        "profiles.fast.optons",
    ),
    InFile(
        "66 a key of a profile outside of one",
        f'model = "m"\n{FAST}',
        "{file}: 'model' is not a known key. Known: default, profiles, required_extensions. 'model' belongs in a "
        "profile: [profiles.NAME].",
        "model",
    ),
    InFile(
        "67 no provider",
        '[profiles.fast]\nmodel = "m"',
        '{file}: profiles.fast.provider: there is none. Write provider = "NAME"; installed: {installed}.',
        "profiles.fast.provider",
    ),
    InFile(
        "72 a key that is there twice",
        f'{FAST}model = "n"\n[other]',
        "{file}: not a TOML file: Cannot overwrite a value (at line 4, column 12), at 'profiles.fast.model'",
        "profiles.fast.model",
    ),
    InFile(
        "75 a secret header",
        f'{WITH_KEY}default_headers = {{ x-api-key = "{KEY}" }}',
        f"{{file}}: profiles.fast.default_headers.x-api-key: {SET}: put the value into an environment variable and "
        'write default_headers_env = {{ "x-api-key" = "THE_VARIABLE" }}.',
        "profiles.fast.default_headers.x-api-key",
    ),
    InFile(
        "75 a secret under another name",
        f'{WITH_KEY}default_headers = {{ X-Mine = "Bearer {KEY}" }}',
        f"{{file}}: profiles.fast.default_headers.X-Mine: {SET}: put the value into an environment variable and write "
        'default_headers_env = {{ "X-Mine" = "THE_VARIABLE" }}.',
        "profiles.fast.default_headers.X-Mine",
    ),
    InFile(
        "75 a secret among the options",
        f'{WITH_KEY}options = {{ extra_headers = {{ cookie = "{KEY}" }} }}',
        f"{{file}}: profiles.fast.options.extra_headers.cookie: {SET}: pass it in code, to from_config(options=...).",
        "profiles.fast.options.extra_headers.cookie",
    ),
    InFile(
        "75 a secret in a URL",
        f'{WITH_KEY}base_url = "https://host/v1?api_key={KEY}"',
        "{file}: profiles.fast.base_url: Secrets are named, never written, and this URL has one in it: put the URL "
        'into an environment variable and write base_url_env = "THE_VARIABLE".',
        "profiles.fast.base_url",
    ),
    InFile(
        "77 the key in place of its variable's name",
        f'{FAST}api_key_env = "{KEY}"',
        "{file}: profiles.fast.api_key_env: must be the name of an environment variable (letters, digits and '_'), and "
        "not the secret itself.",
        "profiles.fast.api_key_env",
    ),
    InFile(
        "77 a key that could be a name",
        f'{FAST}api_key_env = "{KEY.replace("-", "_")}"',
        "{file}: profiles.fast.api_key_env: the environment variable is not set. Set it and try again. What is written "
        "here is not shown, as it may be the secret itself.",
        "profiles.fast.api_key_env",
    ),
    *(
        InFile(
            f"78 {name}",
            f'{FAST}api_key_env = "OTHER_KEY"',
            f"{{file}}: profiles.fast.api_key_env: the environment variable 'OTHER_KEY' {problem}.",
            "profiles.fast.api_key_env",
            {"OTHER_KEY": value},
        )
        for name, value, problem in [
            (
                "a line break inside",
                f"{KEY}\n{KEY}",
                "has a line break or another control character in it (position 25); remove it",
            ),
            (
                "not ASCII",
                f"{KEY}é",
                "has a character that no header can carry, because it is not ASCII (position 25); remove it",
            ),
            ("quotes", f'"{KEY}"', "has quotes around it; remove them"),
            ("Bearer", f"Bearer {KEY}", "begins with the word for a header; write the key alone"),
            ("an assignment", f"KEY={KEY}", "begins with the name of a variable and '='; write the key alone"),
            ("a placeholder", "sk-...", "is a placeholder; put the key itself in its place"),
            ("nothing but spaces", " \n", "is empty. Set it and try again"),
        ]
    ),
    InFile(
        "99 a path as credentials",
        '[profiles.fast]\nprovider = "vertex"\ncredentials = "/etc/sa.json"',
        "{file}: profiles.fast.credentials: cannot be written in a file: it is an object. Pass it in code.",
        "profiles.fast.credentials",
    ),
    InFile(
        "99 a file that is not there",
        f'{GOOGLE}credentials_file = "sa.json"',
        "{file}: profiles.fast.credentials_file: the credentials file 'sa.json' cannot be read: No such file or "
        "directory.",
        "profiles.fast.credentials_file",
    ),
    InFile(
        "a misspelt default option",
        f"{WITH_KEY}options = {{ temprature = 0.2 }}",
        "{file}: profiles.fast.options.temprature: 'temprature' is not an option of provider 'openai'. Did you mean "
        "'temperature'?",
        "profiles.fast.options.temprature",
    ),
    InFile(
        "a default option that the provider lacks",
        f"{GOOGLE}options = {{ parallel_tool_calls = false }}",
        "{file}: profiles.fast.options.parallel_tool_calls: Provider 'vertex' has no 'parallel_tool_calls'. Leave it "
        "out.",
        "profiles.fast.options.parallel_tool_calls",
    ),
    InFile(
        "a parameter among the options",
        f"{WITH_KEY}options = {{ max_retries = 1 }}",
        "{file}: profiles.fast.options.max_retries: 'max_retries' is a parameter of create(), not an option. Write "
        "max_corrections next to options.",
        "profiles.fast.options.max_retries",
    ),
    InFile(
        "a number of corrections that is not one",
        f"{WITH_KEY}max_corrections = -1",
        "{file}: profiles.fast.max_corrections: Input should be greater than or equal to 0.",
        "profiles.fast.max_corrections",
    ),
    InFile(
        "a URL that is not one",
        f'{WITH_KEY}base_url = "http://[::1"',
        "{file}: profiles.fast.base_url: is not a URL such as https://host/v1.",
        "profiles.fast.base_url",
    ),
    InFile(
        "values that are nested too deeply",
        f"{WITH_KEY}x = {'[' * 5000}",
        "{file}: not a config file: its values are nested too deeply.",
        None,
    ),
]


@pytest.mark.parametrize("mistake", FILES, ids=lambda mistake: mistake.row)
def test_a_mistake_in_a_file(mistake: InFile, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "polycall.toml"
    file.write_text(mistake.text, encoding="utf-8")
    for name, value in mistake.environment.items():
        monkeypatch.setenv(name, value)

    error = error_of(lambda: polycall.from_config(**mistake.arguments))  # type: ignore[call-overload]

    installed = ", ".join(one.name for one in polycall.providers() if one.server_of is None)
    assert str(error) == mistake.message.format(file=file, installed=installed)
    assert isinstance(error, polycall.ConfigurationError)
    assert (error.source, error.key) == (str(file), mistake.key)


def test_43_a_server_that_nobody_knows_has_file_and_key(folder: Path) -> None:
    file = folder / "polycall.toml"
    file.write_text(f'{WITH_KEY}server = "olama"', encoding="utf-8")

    error = error_of(polycall.from_config)

    by_name = error_of(lambda: polycall.from_provider("openai/m", server="olama", api_key="k"))
    assert str(by_name).startswith("No server profile is named 'olama'. Did you mean 'ollama'? There are: ")
    assert str(error) == f"{file}: profiles.fast.server: {by_name}"
    assert (error.source, error.key) == (str(file), "profiles.fast.server")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", ".: is a folder; name the file in it."),
        ("~/nope.toml", "{home}/nope.toml: there is no such file."),
        ("fast", "fast: there is no such file. A profile is chosen with profile='fast'."),
    ],
)
def test_82_a_path_that_is_not_a_file(folder: Path, path: str, message: str) -> None:
    assert str(error_of(lambda: polycall.from_config(path))) == message.format(home=folder / "home")


def test_82_a_path_of_the_environment_is_said_to_be_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYCALL_CONFIG", "~/nope.toml")

    message = str(error_of(polycall.from_config))

    assert message.endswith("/home/nope.toml: there is no such file. (POLYCALL_CONFIG names this file.)")


def test_83_a_broken_pyproject(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[project]\nname = \n[tool.polycall]\n", encoding="utf-8")

    assert str(error_of(polycall.from_config)) == (
        f"{folder}/pyproject.toml: not a TOML file: Invalid value (at line 2, column 8), at 'project.name'"
    )


def test_73_other_encodings(folder: Path) -> None:
    file = folder / "polycall.toml"
    file.write_bytes(b"\xef\xbb\xbf" + WITH_KEY.encode())
    assert polycall.from_config().model == "m"

    file.write_text(WITH_KEY, encoding="utf-16")
    assert str(error_of(polycall.from_config)) == f"{file}: not a TOML file: it is UTF-16. Save it as UTF-8."


def test_84_overrides_may_hold_what_a_file_may_not(folder: Path) -> None:
    (folder / "polycall.toml").write_text(f'{FAST}api_key_env = "NOT_SET"', encoding="utf-8")

    client = polycall.from_config(model="other", timeout=5, api_key=KEY)

    assert client.model == "other"


# -- in code ----------------------------------------------------------------------------------------------------------


class InCode(NamedTuple):
    """Arguments of `polycall.from_provider` that are wrong."""

    row: str
    name: str
    settings: Mapping[str, Any]
    message: str
    key: str


CODE = [
    InCode(
        "36 is_async",
        "openai/m",
        {"is_async": True},
        "is_async: 'is_async' is not a setting of provider 'openai'. Did you mean 'async_client'?",
        "is_async",
    ),
    InCode(
        "37 an option",
        "openai/m",
        {"temperature": 0.2},
        "temperature: 'temperature' is not a setting of provider 'openai'. 'temperature' is an option of create(); as "
        "a default of every call: options={'temperature': ...}.",
        "temperature",
    ),
    InCode(
        "37 a parameter",
        "openai/m",
        {"tool_choice": "auto"},
        "tool_choice: 'tool_choice' is not a setting of provider 'openai'. 'tool_choice' is a parameter of create().",
        "tool_choice",
    ),
    InCode(
        "38 region",
        "vertex/m",
        {"region": "us-central1"},
        "region: 'region' is not a setting of provider 'vertex'. Did you mean 'location'?",
        "region",
    ),
    InCode(
        "38 deployment",
        "openai/m",
        {"deployment": "d"},
        "deployment: 'deployment' is not a setting of provider 'openai'. Did you mean 'azure_deployment'?",
        "deployment",
    ),
    InCode(
        "38 context_size",
        "llamacpp/m",
        {"context_size": 8192},
        "context_size: 'context_size' is not a setting of provider 'llamacpp'. Did you mean 'n_ctx'?",
        "context_size",
    ),
    InCode("41 timeout", "openai/m", {"timeout": -5}, "timeout: Input should be greater than 0.", "timeout"),
    InCode("41 timeout, vertex", "vertex/m", {"timeout": -5}, "timeout: Input should be greater than 0.", "timeout"),
    *(
        InCode(
            f"80 not ASCII, {name}",
            name,
            {setting: f"{KEY}é"},
            f"{setting}: has a character that no header can carry, because it is not ASCII (position 25); remove it.",
            setting,
        )
        for name, setting in [
            ("openai/m", "api_key"),
            ("vertex/m", "api_key"),
            ("gemini/m", "api_key"),
            ("llamacpp/m", "hf_token"),
        ]
    ),
    InCode(
        "99 a path as credentials",
        "vertex/m",
        {"credentials": "/etc/sa.json"},
        "credentials must be an object of google.auth. For the path of a file: credentials_file=....",
        "credentials",
    ),
    InCode(
        "a line break in an organization",
        "openai/m",
        {"api_key": KEY, "organization": "a\nb"},
        "organization has a line break or another control character in it (position 2); remove it.",
        "organization",
    ),
    InCode(
        "options that are not a dict",
        "openai/m",
        {"api_key": KEY, "options": 5},
        "options: must be a dict of options of create(), got int.",
        "options",
    ),
]


@pytest.mark.parametrize("mistake", CODE, ids=lambda mistake: mistake.row)
@pytest.mark.parametrize("async_client", [False, True], ids=["sync", "async"])
def test_a_mistake_in_code(mistake: InCode, async_client: bool) -> None:
    error = error_of(lambda: polycall.from_provider(mistake.name, async_client, **mistake.settings))

    assert isinstance(error, polycall.ConfigurationError)
    assert (str(error), error.source, error.key) == (mistake.message, None, mistake.key)


SETTING = "it is a setting of the client: pass it where the client is made"
NOT_OPTION = "is not an option of provider"
OPTIONS = [
    ("openai", "temprature", f"'temprature' {NOT_OPTION} 'openai'. Did you mean 'temperature'?"),
    ("openai", "max_retry", f"'max_retry' {NOT_OPTION} 'openai'. Did you mean 'max_retries'?"),
    ("openai", "streaming", f"'streaming' {NOT_OPTION} 'openai'. Did you mean 'stream'?"),
    ("openai", "stop_sequences", f"'stop_sequences' {NOT_OPTION} 'openai'. Did you mean 'stop'?"),
    ("openai", "max_output_tokens", f"'max_output_tokens' {NOT_OPTION} 'openai'. Did you mean 'max_tokens'?"),
    ("vertex", "temprature", f"'temprature' {NOT_OPTION} 'vertex'. Did you mean 'temperature'?"),
    ("vertex", "stop_sequence", f"'stop_sequence' {NOT_OPTION} 'vertex'. Did you mean 'stop_sequences'?"),
    ("vertex", "max_new_tokens", f"'max_new_tokens' {NOT_OPTION} 'vertex'. Did you mean 'max_output_tokens'?"),
    ("gemini", "stop_strings", f"'stop_strings' {NOT_OPTION} 'gemini'. Did you mean 'stop_sequences'?"),
    *(
        (
            provider,
            "api_key",
            f"polycall does not accept the option 'api_key': {SETTING}.",
        )
        for provider in ("openai", "vertex", "gemini")
    ),
]


@pytest.mark.parametrize(("provider", "option", "message"), OPTIONS)
def test_32_34_an_option_that_does_not_exist(provider: str, option: str, message: str) -> None:
    """Before anything is sent: nobody listens there."""
    client = polycall.from_provider(f"{provider}/m", api_key=KEY)

    for ask in (client.create, client.stream, client.render):
        error = error_of(lambda ask=ask: list(ask(ASK, list[Weather], **{option: KEY})))  # type: ignore[misc]
        assert (str(error), error.key) == (message, option)  # type: ignore[attr-defined]


def test_34_stop_is_neutral() -> None:
    body: Any = polycall.from_provider("vertex/m", api_key=KEY).render(ASK, list[Weather], stop=["x"]).body

    assert body["generationConfig"]["stopSequences"] == ["x"]


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "abc", [1]])
def test_41_a_timeout_of_a_call(value: object) -> None:
    for provider in ("openai", "vertex", "gemini"):
        client = polycall.from_provider(f"{provider}/m", api_key=KEY)
        error = error_of(lambda client=client: client.create(ASK, list[Weather], timeout=value))  # type: ignore[misc]
        assert str(error) == f"timeout must be a positive number of seconds, got {value!r}."


# -- keys -------------------------------------------------------------------------------------------------------------

MISSING_KEY = (
    "With polycall: pass api_key=... to from_provider(), or name the variable that holds the key: in a config file "
    'api_key_env = "OPENAI_API_KEY".'
)


def test_10_no_key(folder: Path) -> None:
    """The SDK's own exception, with what to write where polycall makes the client."""
    error = error_of(lambda: polycall.from_provider("openai/m"))
    assert (type(error), error.__notes__) == (openai.OpenAIError, [MISSING_KEY])

    file = folder / "polycall.toml"
    file.write_text(FAST, encoding="utf-8")
    error = error_of(polycall.from_config)
    assert error.__notes__ == [MISSING_KEY, f"Raised while polycall made the client of profiles.fast in {file}."]
    assert polycall.kind_of(error) == "auth"


def test_12_no_model_for_a_client_that_was_handed_in() -> None:
    sdk_client = openai.OpenAI(api_key=KEY)

    error = error_of(lambda: polycall.from_openai(sdk_client).create(ASK, list[Weather]))

    assert str(error) == (
        "No model is named. Pass model='gpt-4o-mini' to create(), or name it where the client is made: "
        "from_provider('openai/gpt-4o-mini'), from_openai(client, model='gpt-4o-mini'), or "
        'model = "gpt-4o-mini" in a config file.'
    )
    body: Any = polycall.from_openai(sdk_client, model="gpt-4o-mini").render(ASK, list[Weather]).body
    assert body["model"] == "gpt-4o-mini"


BAD_KEYS = [
    (f"{KEY}\n{KEY}", "has a line break or another control character in it (position 25); remove it."),
    (f"{KEY}é", "has a character that no header can carry, because it is not ASCII (position 25); remove it."),
    (f"'{KEY}'", "has quotes around it; remove them."),
    (f"Bearer {KEY}", "begins with the word for a header; write the key alone."),
    ("sk-...", "is a placeholder; put the key itself in its place."),
]


@pytest.mark.parametrize(("key", "problem"), BAD_KEYS)
@pytest.mark.parametrize("async_client", [False, True], ids=["sync", "async"])
def test_79_a_key_that_the_sdk_reads_by_itself(
    monkeypatch: pytest.MonkeyPatch, key: str, problem: str, async_client: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)

    error = error_of(lambda: polycall.from_provider("openai/m", async_client))
    assert str(error) == f"The environment variable OPENAI_API_KEY {problem}"

    handed_in: Any = openai.AsyncOpenAI() if async_client else openai.OpenAI()
    assert str(error_of(lambda: polycall.from_openai(handed_in))) == f"api_key {problem}"


@pytest.mark.parametrize(("key", "problem"), BAD_KEYS)
@pytest.mark.parametrize("provider", ["openai", "vertex", "gemini", "groq"])
def test_78_a_key_in_code(provider: str, key: str, problem: str) -> None:
    assert str(error_of(lambda: polycall.from_provider(f"{provider}/m", api_key=key))) == f"api_key: {problem}"


@pytest.mark.parametrize("end", ["\n", "\r\n", " "])
def test_79_a_line_break_at_the_end_is_stripped(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """As of a secret that was mounted as a file: in the SDK's variable, in one that is named, in code."""
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}{end}")
    monkeypatch.setenv("MY_KEY", f"{KEY}{end}")

    ways: list[dict[str, Any]] = [{}, {"api_key_env": "MY_KEY"}, {"api_key": f"{KEY}{end}"}]
    for settings in ways:
        client = polycall.from_provider("openai/m", **settings)
        assert client._hooks.session.client.api_key == KEY


def test_79_a_variable_that_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " \n")

    error = error_of(lambda: polycall.from_provider("openai/m"))

    assert str(error) == "The environment variable OPENAI_API_KEY is empty."


# -- Google's credentials ---------------------------------------------------------------------------------------------

NEXT_STEP = (
    "Name a service account's key with credentials_file=..., run 'gcloud auth application-default login', or pass "
    'credentials=. In a config file: credentials_file = "PATH".'
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not JSON", 'is not one of Google: JSON with a key "type".'),
        ("[]", 'is not one of Google: JSON with a key "type".'),
        (json.dumps({"type": "service_account", "private_key": KEY}), "holds no usable credentials (MalformedError)."),
        (json.dumps({"type": "of its own"}), "holds no usable credentials (DefaultCredentialsError)."),
    ],
)
def test_99_a_file_without_credentials(folder: Path, text: str, problem: str) -> None:
    (folder / "sa.json").write_text(text, encoding="utf-8")

    error = error_of(lambda: polycall.from_provider("vertex/m", credentials_file="sa.json"))

    assert str(error) == f"the credentials file 'sa.json' {problem}"


def test_99_a_users_credentials(folder: Path) -> None:
    """The file says the project, too, unless a setting does."""
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "t"}
    (folder / "home").mkdir()
    (folder / "home" / "user.json").write_text(json.dumps({**user, "project_id": "theirs"}), encoding="utf-8")

    client = polycall.from_provider("vertex/m", credentials_file="~/user.json", location="l")

    assert "/projects/theirs/locations/l/" in str(client.render(ASK, list[Weather]).url)


def test_100_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    error = error_of(lambda: polycall.from_provider("vertex/m"))
    assert (type(error).__name__, error.__notes__) == ("DefaultCredentialsError", [NEXT_STEP])

    client = polycall.from_provider("vertex/m", project="p", location="l")  # may be on a machine of Google's
    error = error_of(lambda: client.create(ASK, list[Weather]))
    assert (type(error).__name__, error.__notes__) == ("DefaultCredentialsError", [NEXT_STEP])


def test_100_a_variable_that_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nope/sa.json")

    error = error_of(lambda: polycall.from_provider("vertex/m", project="p", location="l"))

    assert str(error) == (
        "The environment variable GOOGLE_APPLICATION_CREDENTIALS names '/nope/sa.json', which is not a file. Correct "
        "or unset it, or name the file with credentials_file=...."
    )


# -- what was chosen --------------------------------------------------------------------------------------------------


def test_the_choice_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """F10: which file and why, which profile and what chose it."""
    file = folder / "polycall.toml"
    file.write_text(WITH_KEY, encoding="utf-8")

    with caplog.at_level(logging.DEBUG, "polycall.config"):
        polycall.from_config()

    (record,) = [one for one in caplog.records if one.name == "polycall.config"]
    assert record.getMessage() == (
        f"file {file} (in the working directory, {folder}), profile 'fast' (chosen by the only profile), "
        "provider openai, model m"
    )
