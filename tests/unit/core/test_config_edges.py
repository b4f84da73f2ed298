"""Files, paths and values that nobody should write, and somebody will: each a ConfigurationError that says where."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import polycall
from support.toy_provider import Hooks, ToySettings

PROFILE = '[profiles.fast]\nprovider = "toy"\nmodel = "found"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: Hooks) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(make: Callable[[], object]) -> polycall.ConfigurationError:
    with pytest.raises(polycall.ConfigurationError) as raised:
        make()
    assert len(str(raised.value)) < 2_000
    return raised.value


class TestContents:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (f"x = {'[' * 100_000}", "nested too deeply"),
            (f"x = {'{a = ' * 100_000}", "nested too deeply"),
            (f"x = {'[' * 300}1{']' * 300}", "'x' is not a known key"),
            (f"{PROFILE}timeout_s = {'9' * 100_000}", "Exceeds the limit"),
            (f"{'k' * 100_000} = 1", "is not a known key"),
            ("d = 2024-02-30", "Invalid date or datetime (at line 1, column 5), at 'd'"),
            ("x = 1\n" * 200_000, "is larger than a config file can be"),
            ("\x00", "not a TOML file"),
            ('[profiles.fast]\nprovider = "\ud800"'.encode("utf-8", "surrogatepass"), "line 2 is not UTF-8"),
            (PROFILE.encode("utf-16"), "it is UTF-16. Save it as UTF-8"),
            ("<html>", "not a TOML file"),
        ],
    )
    def test_what_cannot_be_read(self, folder: Path, text: str | bytes, reason: str) -> None:
        file = folder / "polycall.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        began = time.process_time()

        error = error_of(polycall.from_config)

        assert reason in str(error)
        assert error.source == str(file)
        assert time.process_time() - began < 5

    @pytest.mark.parametrize("depth", [60, 2_000, 20_000])
    def test_a_deep_key_costs_no_more_than_it_is_long(self, folder: Path, depth: int) -> None:
        (folder / "polycall.toml").write_text(f"[{'.'.join('a' * depth)}]\n", encoding="utf-8")
        began = time.process_time()

        error_of(polycall.from_config)

        assert time.process_time() - began < 5

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            (f'{PROFILE}api_key_env = "A"\napi_key_env = "sk-secret"', "profiles.fast.api_key_env"),
            (f"{PROFILE}[profiles.fast]\n", "profiles.fast"),
            (f"{PROFILE}api_key_env = sk-secret", "profiles.fast.api_key_env"),
            ('default = "a"\ndefault = "sk-secret"', "default"),
            ('default "sk-secret"', None),
        ],
    )
    def test_the_key_at_fault_is_named_and_its_value_is_not(self, folder: Path, text: str, key: str | None) -> None:
        (folder / "polycall.toml").write_text(text, encoding="utf-8")

        error = error_of(polycall.from_config)

        assert error.key == key
        assert key is None or f"at {key!r}" in str(error)
        assert "sk-secret" not in str(error)

    def test_a_byte_order_mark_is_no_fault(self, folder: Path) -> None:
        (folder / "polycall.toml").write_bytes(b"\xef\xbb\xbf" + PROFILE.encode())

        assert polycall.from_config().model == "found"

    def test_line_breaks_of_windows_are_no_fault(self, folder: Path) -> None:
        (folder / "polycall.toml").write_bytes(PROFILE.replace("\n", "\r\n").encode())

        assert polycall.from_config().model == "found"


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("a" * 300 + ".toml", "cannot be read: File name too long"),
            ("a/" * 5_000, "cannot be read: File name too long"),
            ("a\x00b.toml", "embedded null"),
            (".", ".: is a folder; name the file in it"),
            ("", ".: is a folder"),
            ("nothing/polycall.toml", "there is no such file"),
            ("polycall.toml/x", "there is no such file"),
            ("loop", "cannot be read: Too many levels of symbolic links"),
            ("pipe", "is not a regular file"),
            ("/dev/zero", "is not a regular file"),
            ("\ud800.toml", "ud800"),
            ("\n.toml", r"\n.toml: there is no such file"),
            (5, "5 is not a path"),
            (b"polycall.toml", "is not a path"),
            ("~nobody-of-this-name/polycall.toml", "is not a path"),
        ],
        ids=ascii,
    )
    def test_a_path_that_leads_nowhere(self, folder: Path, path: Any, reason: str) -> None:
        (folder / "polycall.toml").write_text(PROFILE, encoding="utf-8")
        (folder / "loop").symlink_to("loop")
        os.mkfifo(folder / "pipe")

        assert reason in str(error_of(lambda: polycall.from_config(path)))

    def test_a_file_without_permission(self, folder: Path) -> None:
        file = folder / "polycall.toml"
        file.touch(0)
        user = os.geteuid()
        if user == 0:  # who may read all
            os.seteuid(12_345)
        try:
            error = error_of(lambda: polycall.from_config(file))
        finally:
            os.seteuid(user)

        assert str(error) == f"{file}: cannot be read: Permission denied"

    def test_a_tilde_is_the_home_directory(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(folder))
        (folder / "mine.toml").write_text(PROFILE, encoding="utf-8")

        assert polycall.from_config("~/mine.toml").model == "found"
        monkeypatch.setenv("POLYCALL_CONFIG", "~/mine.toml")
        assert polycall.from_config().model == "found"

    def test_a_folder_of_that_name(self, folder: Path) -> None:
        (folder / "polycall.toml").mkdir()

        assert "polycall.toml: is a folder" in str(error_of(polycall.from_config))

    def test_a_link_that_leads_nowhere(self, folder: Path) -> None:
        (folder / "polycall.toml").symlink_to("gone")

        error_of(polycall.from_config)

    def test_a_working_directory_that_was_removed(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        file = folder / "my.toml"
        file.write_text(PROFILE, encoding="utf-8")
        gone = tmp_path_factory.mktemp("gone")
        monkeypatch.chdir(gone)
        gone.rmdir()

        assert "The working directory cannot be found" in str(error_of(polycall.from_config))
        assert polycall.from_config(file).model == "found"


class TestChoices:
    def test_overrides_take_the_place_of_the_profiles_keys(
        self, folder: Path, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "polycall.toml").write_text(f"{PROFILE}timeout_s = 2\n", encoding="utf-8")
        monkeypatch.setenv("TOY_KEY", "k")

        assert polycall.from_config(model="other", timeout_s=5).model == "other"
        assert hooks.created[0][0] == ToySettings(timeout_s=5)
        polycall.from_config(api_key_env="TOY_KEY")

    def test_the_variable_of_a_key_that_is_overridden_need_not_be_set(
        self, folder: Path, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "polycall.toml").write_text(f'{PROFILE}api_key_env = "NOT_SET"\n', encoding="utf-8")
        monkeypatch.setenv("TOY_KEY", "k")

        polycall.from_config(api_key="k")
        polycall.from_config(api_key_env="TOY_KEY")

        assert [created[0] for created in hooks.created] == [ToySettings(api_key=SecretStr("k"))] * 2

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ({"model": 5}, "model must be text, got 5"),
            ({"profile": ["fast"]}, "profile must be a name"),
            ({"timeout_z": 5}, "Did you mean 'timeout_s'?"),
            ({"profile": "x" * 100_000}, "is not a profile"),
        ],
    )
    def test_an_override_or_profile_that_does_not_fit(self, folder: Path, arguments: Any, reason: str) -> None:
        (folder / "polycall.toml").write_text(PROFILE, encoding="utf-8")

        assert reason in str(error_of(lambda: polycall.from_config(**arguments)))

    def test_a_misspelt_model_is_told_from_a_setting(self, folder: Path) -> None:
        (folder / "polycall.toml").write_text('[profiles.a]\nprovider = "toy"\nmodle = "m"', encoding="utf-8")

        assert "Did you mean 'model'?" in str(error_of(polycall.from_config))

    def test_provider_and_model_in_one_key(self, folder: Path) -> None:
        (folder / "polycall.toml").write_text('[profiles.a]\nprovider = "toy/org/m"', encoding="utf-8")

        error = error_of(polycall.from_config)
        assert 'write provider = "toy" and model = "org/m"' in str(error)
        assert error.key == "profiles.a.provider"

    def test_no_provider_names_those_there_are(self, folder: Path) -> None:
        (folder / "polycall.toml").write_text('[profiles.a]\nmodel = "m"', encoding="utf-8")

        assert 'Write provider = "NAME"; installed: ' in str(error_of(polycall.from_config))

    def test_a_profile_of_the_environment_that_is_not_there(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "polycall.toml").write_text(PROFILE, encoding="utf-8")
        monkeypatch.setenv("POLYCALL_PROFILE", "prod")

        assert "POLYCALL_PROFILE: 'prod' is not a profile" in str(error_of(polycall.from_config))

    def test_an_error_of_the_plugins_own_gets_file_and_key(self, folder: Path, provide: Any) -> None:
        from polycall.plugin import hookimpl

        @hookimpl
        def polycall_create_client() -> object:
            raise polycall.ConfigurationError("No server is named 'olama'.", key="server")

        provide("strange", polycall_create_client=polycall_create_client)
        (folder / "polycall.toml").write_text('[profiles.a]\nprovider = "strange"', encoding="utf-8")

        error = error_of(polycall.from_config)
        assert str(error) == f"{folder / 'polycall.toml'}: profiles.a.server: No server is named 'olama'."
        assert (error.source, error.key) == (str(folder / "polycall.toml"), "profiles.a.server")

    def test_an_sdks_own_error_gets_a_note_of_file_and_profile(self, folder: Path, provide: Any) -> None:
        from polycall.plugin import hookimpl

        @hookimpl
        def polycall_create_client() -> object:
            raise OSError("no credentials")

        provide("strange", polycall_create_client=polycall_create_client)
        (folder / "polycall.toml").write_text('[profiles.a]\nprovider = "strange"', encoding="utf-8")

        with pytest.raises(OSError, match="no credentials") as raised:
            polycall.from_config()
        assert any("profiles.a in" in note for note in raised.value.__notes__)
