"""Whether an SDK's methods are as the SDK made them: a direct path must not bypass somebody's wrapper of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from types import FunctionType


def is_untouched(owner: object, names: Iterable[str], *packages: str) -> bool:
    """Whether methods are the SDK's plain functions: no instance attribute, wrapper, mock or override.

    Ask before each call: instrumentation may come late. ``functools.wraps`` copies ``__module__`` and ``__qualname__``
    and ``wrapt`` forwards them, so the functions' type and globals decide.

    Args:
        owner: An object of the SDK. A transparent proxy of one is not as the SDK made it.
        names: Its methods, properties or cached properties. One that does not exist, or a cached property that was
            read before, is not untouched.
        packages: Where the SDK's functions are defined: a package (``"openai"``) or a module
            (``"google.genai.models"``).
    """
    attributes = getattr(owner, "__dict__", ())
    classes = type(owner).__mro__
    for name in names:
        if name in attributes:
            return False
        for class_ in classes:
            if name in class_.__dict__:
                found = class_.__dict__[name]
                break
        else:
            return False
        if type(found) is not FunctionType:
            found = _function_behind(found)
            if found is None:
                return False
        module = found.__globals__.get("__name__")
        if module not in packages:
            if type(module) is not str:
                return False
            for package in packages:
                if module.startswith(package) and module[len(package)] == ".":
                    break
            else:
                return False
    return True


def _function_behind(attribute: object) -> FunctionType | None:
    function: object = None
    if type(attribute) is cached_property:
        function = attribute.func
    elif type(attribute) is property:
        function = attribute.fget
    elif isinstance(attribute, (classmethod, staticmethod)):
        function = attribute.__func__
    return function if type(function) is FunctionType else None
