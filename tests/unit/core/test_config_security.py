"""Whose config files are obeyed, and that no message shows a secret."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

import polycall
from polycall.plugin import hookimpl
from support.toy_provider import Hooks, ToySettings, make_plugin

SOMEBODY = 12_345
"""A user's id that is not ours."""
SECRET = "sk-do-not-show-this-4711"  # a made-up one
FILE = '[profiles.fast]\nprovider = "toy"\nmodel = "found"\n'

needs_users = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: Hooks) -> Path:
    """An empty working directory; the home directory is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def write(path: Path, text: str = FILE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal() -> str:
    with pytest.raises(polycall.ConfigurationError, match="refused, because") as raised:
        polycall.from_config()
    assert "pass path= or set POLYCALL_CONFIG" in str(raised.value)
    assert raised.value.source is not None
    return str(raised.value)


def found() -> bool:
    try:
        return polycall.from_config().model == "found"
    except polycall.ConfigurationError as error:
        assert str(error).startswith("No polycall.toml, and no pyproject.toml")  # noqa: PT017 - one of two outcomes
        return False


@needs_users
class TestWhoseFileItIs:
    def test_a_file_of_another_user_is_refused_and_taken_when_named(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = write(folder / "polycall.toml")
        os.chown(file, SOMEBODY, SOMEBODY)

        assert f"it belongs to another user (uid {SOMEBODY})" in refusal()
        assert polycall.from_config(file).model == "found"
        monkeypatch.setenv("POLYCALL_CONFIG", str(file))
        assert polycall.from_config().model == "found"

    def test_a_pyproject_of_another_user(self, folder: Path) -> None:
        file = write(folder / "pyproject.toml", FILE.replace("[profiles", "[tool.polycall.profiles"))
        os.chown(file, SOMEBODY, SOMEBODY)

        assert "pyproject.toml: refused" in refusal()

    def test_a_directory_of_another_user(self, folder: Path) -> None:
        write(folder / "polycall.toml")
        os.chown(folder, SOMEBODY, SOMEBODY)

        assert f"{folder} belongs to another user" in refusal()

    @pytest.mark.parametrize("mode", [0o666, 0o602])
    def test_a_file_that_all_can_write(self, folder: Path, mode: int) -> None:
        write(folder / "polycall.toml").chmod(mode)

        assert "every user can write to it" in refusal()

    def test_a_directory_that_all_can_write(self, folder: Path) -> None:
        write(folder / "polycall.toml")
        folder.chmod(0o777)

        assert f"every user can write to {folder}" in refusal()

    def test_a_directory_like_tmp(self, folder: Path) -> None:
        """With the sticky bit others can add files, and not change mine."""
        file = write(folder / "polycall.toml")
        folder.chmod(0o1777)

        assert found()
        os.chown(file, SOMEBODY, SOMEBODY)
        assert "belongs to another user" in refusal()

    def test_a_link_of_another_user_to_a_file_of_mine(self, folder: Path) -> None:
        link = folder / "polycall.toml"
        link.symlink_to(write(folder.parent / "else" / "my.toml"))
        assert found()

        os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
        assert "it belongs to another user" in refusal()

    def test_a_link_of_mine_to_a_file_or_directory_of_another_user(self, folder: Path) -> None:
        target = write(folder.parent / "else" / "my.toml")
        (folder / "polycall.toml").symlink_to(target)
        os.chown(target, SOMEBODY, SOMEBODY)

        assert f"{target} belongs to another user" in refusal()
        os.chown(target, 0, 0)
        target.parent.chmod(0o777)
        assert f"every user can write to {target.parent}" in refusal()

    def test_a_group_is_trusted(self, folder: Path) -> None:
        """As git does: those of a shared directory write each other's code, too."""
        write(folder / "polycall.toml").chmod(0o664)
        folder.chmod(0o2775)

        assert found()

    def test_roots_files_are_obeyed_by_all_and_those_of_who_called_sudo_by_root(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = write(folder / "polycall.toml")
        monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
        assert found()

        monkeypatch.setattr(os, "geteuid", lambda: 0)
        os.chown(file, SOMEBODY, SOMEBODY)
        refusal()
        monkeypatch.setenv("SUDO_UID", str(SOMEBODY))
        assert found()

    def test_the_search_does_not_go_on_behind_a_refused_file(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / ".git").mkdir()
        write(folder / "polycall.toml")
        os.chown(write(folder / "part" / "polycall.toml"), SOMEBODY, SOMEBODY)
        monkeypatch.chdir(folder / "part")

        refusal()


class TestWhereTheSearchEnds:
    @pytest.fixture
    def deep(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The working directory, two below ``folder``."""
        deep = folder / "a" / "b"
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)
        return deep

    def test_without_a_project_only_the_working_directory_is_looked_at(self, folder: Path, deep: Path) -> None:
        write(folder / "polycall.toml")
        write(deep.parent / "polycall.toml")
        assert not found()

        write(deep / "polycall.toml")
        assert found()

    @pytest.mark.parametrize("mark", [".git", ".hg", "pyproject.toml", "setup.py"])
    def test_at_the_root_of_the_project(self, folder: Path, deep: Path, mark: str) -> None:
        write(folder / "polycall.toml")
        write(deep.parent / mark, "")
        assert not found()

        write(deep.parent / "polycall.toml")
        assert found()

    def test_the_repository_counts_and_not_the_package_in_it(self, folder: Path, deep: Path) -> None:
        (folder / ".git").write_text("gitdir: elsewhere", encoding="utf-8")  # of a worktree: a file
        write(deep / "pyproject.toml", "")
        write(folder / "polycall.toml")

        assert found()

    def test_at_the_home_directory(self, folder: Path, deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(deep.parent))
        write(folder / "polycall.toml")
        assert not found()

        write(deep.parent / "polycall.toml")
        assert found()

    def test_a_broken_pyproject_on_the_way_is_reported(self, folder: Path, deep: Path) -> None:
        (folder / ".git").mkdir()
        write(folder / "polycall.toml")
        file = write(deep / "pyproject.toml", "[tool.polycall\n")

        with pytest.raises(polycall.ConfigurationError, match=r"pyproject\.toml: not a TOML file: .*line 1") as raised:
            polycall.from_config()
        assert raised.value.source == str(file)


class TestPastedKeys:
    @pytest.mark.parametrize(
        "pasted",
        [
            *(SECRET, "sk_live_abcdefghijklmnop", "AIzaSyD1234567890abcdefgh", "AKIAIOSFODNN7EXAMPLE", "gsk_abc"),
            *("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", f"{SECRET}\n", "Bearer abc", "ключ-секрет", "a" * 40, "x" * 10_000),
        ],
    )
    def test_a_key_in_place_of_its_variables_name_is_not_shown(self, folder: Path, pasted: str) -> None:
        file = write(folder / "polycall.toml", f"{FILE}api_key_env = {as_toml(pasted)}")
        makers: tuple[Callable[[], object], ...] = (
            lambda: polycall.from_provider("toy/m", api_key_env=pasted),
            lambda: polycall.from_config(file),
        )
        for make in makers:
            with pytest.raises(polycall.ConfigurationError) as raised:
                make()
            shown = "".join(traceback.format_exception_only(type(raised.value), raised.value))
            assert pasted.strip() not in shown
            assert repr(pasted)[1:-1] not in shown
            assert str(raised.value.key).endswith("api_key_env")

    @pytest.mark.parametrize(
        "name", ["OPENAI_API_KEY", "MY_KEY_2", "_X", "AZURE_OPENAI_API_KEY_EU1", "GOOGLE_APPLICATION_CREDENTIALS"]
    )
    def test_a_variables_name_is_shown(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.delenv(name, raising=False)

        with pytest.raises(polycall.ConfigurationError, match=f"variable '{name}' is not set"):
            polycall.from_provider("toy/m", api_key_env=name)

    @pytest.mark.parametrize(
        "line",
        [
            f'default_headers = {{ Authorization = "Bearer {SECRET}" }}',
            f'default_headers.x-api-key = "{SECRET}"',
            f'more = {{ deep = {{ Cookie = "{SECRET}" }} }}',
            f'base_url = "https://user:{SECRET}@proxy.example/v1"',
        ],
    )
    def test_a_secret_in_a_field_that_is_not_meant_for_it_is_refused_in_a_file(
        self, folder: Path, open_settings: str, line: str
    ) -> None:
        file = write(folder / "polycall.toml", f'[profiles.a]\nprovider = "{open_settings}"\n{line}')

        with pytest.raises(polycall.ConfigurationError, match="Secrets are named, never written") as raised:
            polycall.from_config(file)

        assert SECRET not in str(raised.value)
        assert str(raised.value.key).startswith("profiles.a.")

    def test_what_only_resembles_one_is_taken(self, folder: Path, open_settings: str) -> None:
        file = write(
            folder / "polycall.toml",
            f'[profiles.a]\nprovider = "{open_settings}"\ndefault_headers = {{ X-Tokens = "5", keyword = "a" }}\n'
            'base_url = "https://proxy.example:8080/v1@2"\n',
        )

        polycall.from_config(file)


class OpenSettings(BaseModel):
    """As those of a provider: a secret, and fields that can hold one."""

    token: SecretStr | None = None
    base_url: str | None = None
    default_headers: dict[str, str] | None = None
    more: Any = None


@pytest.fixture
def open_settings(hooks: Hooks) -> Iterator[str]:
    """The name of a provider with `OpenSettings`."""

    @hookimpl
    def polycall_settings_type() -> type[BaseModel]:
        return OpenSettings

    polycall.register_provider("open", make_plugin(polycall_settings_type=polycall_settings_type))
    yield "open"
    polycall.unregister("open")


class TestKeysThatNoHeaderCanCarry:
    @pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\t"])
    def test_a_line_break_at_the_end_of_a_variable_is_stripped(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        monkeypatch.setenv("TOY_KEY", f"{SECRET}{end}")

        polycall.from_provider("toy/m", api_key_env="TOY_KEY")

        assert hooks.created[0][0] == ToySettings(api_key=SecretStr(SECRET))

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (f"{SECRET}\nmore", r"a line break or another control character in it \(position 25\)"),
            (f"{SECRET}é", r"not ASCII \(position 25\)"),
            (f"\u200b{SECRET}", r"control character in it \(position 1\)"),
            (f"“{SECRET}”", r"not ASCII \(position 1\)"),
        ],
    )
    def test_elsewhere_it_is_refused_and_its_position_said(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, value: str, problem: str
    ) -> None:
        monkeypatch.setenv("TOY_KEY", value)

        with pytest.raises(polycall.ConfigurationError, match=f"variable 'TOY_KEY' has .*{problem}") as by_name:
            polycall.from_provider("toy/m", api_key_env="TOY_KEY")
        with pytest.raises(polycall.ConfigurationError, match=problem) as written:
            polycall.from_provider("toy/m", api_key=value)

        assert SECRET not in str(by_name.value)
        assert SECRET not in str(written.value)

    def test_a_variable_of_nothing_but_spaces_is_not_set(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOY_KEY", " \n")

        with pytest.raises(polycall.ConfigurationError, match="'TOY_KEY' is empty"):
            polycall.from_provider("toy/m", api_key_env="TOY_KEY")


class TestWhatExtensionsSee:
    def test_the_repr_of_settings_shows_no_secret(self, open_settings: str, extend: Any) -> None:
        seen: list[str] = []

        class Sdk:
            def __repr__(self) -> str:
                return SECRET

        @hookimpl
        def polycall_create_client(settings: BaseModel) -> object:
            seen.extend([repr(settings), str(settings), f"{settings!r}"])
            return None

        extend("watcher", polycall_create_client=polycall_create_client)
        polycall.from_provider(
            f"{open_settings}/m",
            token=SECRET,
            base_url=f"https://me:{SECRET}@host/v1?api_key={SECRET}&version=2",
            default_headers={"Authorization": f"Bearer {SECRET}", "User-Agent": "mine"},
            more={"password": SECRET, "list": [f"https://me:{SECRET}@host"], "sdk": Sdk(), "size": 5},
        )

        assert len(seen) == 3
        for text in seen:
            assert SECRET not in text
            for part in ("host/v1", "version=2", "'User-Agent': 'mine'", "'size': 5"):
                assert part in text


def as_toml(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def test_a_socket_of_that_name_is_not_read(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("polycall.toml")

        with pytest.raises(polycall.ConfigurationError, match="is not a regular file"):
            polycall.from_config()
