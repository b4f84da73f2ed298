"""The tools of ``--tools``: classes and tools of the user's own modules."""

from __future__ import annotations

import collections.abc
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType, UnionType
from typing import Union, get_args, get_origin

import polycall
from polycall.cli._errors import CommandError
from polycall.cli._exit_codes import ExitCode
from polycall.plugin import did_you_mean


def load_models(names: Sequence[str]) -> list[object]:
    """Load what ``--tools`` names, for ``response_model``.

    Args:
        names: ``module:Name``, ``module:Name,Other``, or a module alone for all models that it defines. A module is
            named as in an ``import``, from the working directory, or by the path of its file.

    Returns:
        Classes and tools as the modules hold them; of lists the members. What they are is checked by polycall.

    Raises:
        CommandError: A module or name that is not there, a module without models, or one that raises.
    """
    models: list[object] = []
    for given in names:
        source, _, wanted = _split(given)
        module = _load(source)
        found = [one for name in wanted.split(",") for one in _named(module, source, name.strip())]
        models += [one for one in found or _all_of(module, source) if not any(one is other for other in models)]
    return models


def _split(given: str) -> tuple[str, str, str]:
    """The module and the names in it; the colon of a Windows drive is a part of the path."""
    drive, rest = (given[:2], given[2:]) if given[1:3] in (":\\", ":/") else ("", given)
    source, colon, wanted = rest.partition(":")
    if not source or (colon and not wanted):
        raise CommandError(f"--tools {given}: write --tools app.models:Weather, or a module alone.")
    return drive + source, colon, wanted


def _load(source: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with redirect_stdout(sys.stderr):  # what it prints is not a result of the command
            return _load_file(Path(source)) if source.endswith(".py") else importlib.import_module(source)
    except CommandError:
        raise
    except (ImportError, SyntaxError) as error:
        raise _not_loaded(source, error) from error
    except (Exception, SystemExit) as error:
        raise _its_own_error(source, error) from error


def _load_file(file: Path) -> ModuleType:
    file = file.expanduser()
    if not file.is_file():
        raise CommandError(f"--tools {file}: there is no such file.", hint="Check the path.")
    folder = str(file.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise CommandError(f"--tools {file}: is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _not_loaded(source: str, error: ImportError | SyntaxError) -> CommandError:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is not None and (source == missing or source.startswith(f"{missing}.")):
        hint = f"Modules are looked for in {Path.cwd()} and where Python is installed."
        if source[:1].isupper():
            hint = f"For a class write --tools MODULE:{source}. {hint}"
        if Path(source).exists() or Path(f"{source}.py").exists():
            hint = f"To name a file, write --tools {source.removesuffix('.py')}.py."
        elif source != missing or "." in source:
            module, _, last = source.rpartition(".")
            hint = f"For a class of a module write --tools {module}:{last}. {hint}"
        return CommandError(f"--tools {source}: there is no module {missing!r}.", hint=hint)
    return _its_own_error(source, error)


def _its_own_error(source: str, error: BaseException) -> CommandError:
    """An error inside of the user's module: where it is, in its own words."""
    if isinstance(error, SyntaxError):
        where, words = f"{_short(error.filename or source)}, line {error.lineno}", f"SyntaxError: {error.msg}"
    else:
        frame = _innermost(error)
        where = f"{_short(frame.filename)}, line {frame.lineno}" if frame is not None else source
        words = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    return CommandError(
        f"{where}: {words}",
        hint=f"Raised while --tools imported {source}; --debug shows the traceback.",
        code=ExitCode.PROBLEM,
    )


def _innermost(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost frame that is the user's: under the working directory, else the last."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "importlib" not in one.filename]
    here = str(Path.cwd())
    own = [one for one in frames if one.filename.startswith(here) and "site-packages" not in one.filename]
    inside = [one for one in own or frames if Path(one.filename) != Path(__file__)]
    return inside[-1] if inside else None


def _short(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


def _named(module: ModuleType, source: str, name: str) -> list[object]:
    """What a name in a module stands for: itself, or the members of a list."""
    if not name:
        return []
    value: object = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            models = [one for one, model in vars(module).items() if _is_model(model)]
            raise CommandError(f"--tools {source}: there is no {name!r} in it.{did_you_mean(name, models)}") from None
    return _members(value)


def _members(value: object) -> list[object]:
    """The members of a list of tools, and of a ``response_model`` that a module keeps: ``Iterable[A | B]``."""
    if isinstance(value, (list, tuple)):
        return list(value)
    origin = get_origin(value)
    if origin in (Union, UnionType) or origin in (list, collections.abc.Iterable):
        return [member for one in get_args(value) for member in _members(one)]
    return [value]


def _all_of(module: ModuleType, source: str) -> list[object]:
    """All models that a module defines, or lists in ``__all__``, in its order."""
    listed = getattr(module, "__all__", None)
    names = [name for name in (vars(module) if listed is None else listed) if not name.startswith("_")]
    models = {name: value for name in names if _is_model(value := getattr(module, name, None))}
    own = [
        value
        for value in models.values()
        if listed is not None or isinstance(value, polycall.Tool) or value.__module__ == module.__name__
    ]
    if not own:
        imported = f" It imports {', '.join(models)}: name them, {source}:{next(iter(models))}." if models else ""
        raise CommandError(
            f"--tools {source}: it defines no models.{imported}",
            hint="A tool is a pydantic model, a dataclass, a TypedDict or a polycall.Tool.",
        )
    return own


def _is_model(value: object) -> bool:
    """Whether a module's member is meant as a tool: a model class, or a tool."""
    if isinstance(value, polycall.Tool):
        return True
    if not isinstance(value, type):
        return False
    from pydantic import BaseModel

    if value is BaseModel:
        return False
    return issubclass(value, BaseModel) or hasattr(value, "__dataclass_fields__") or hasattr(value, "__required_keys__")
