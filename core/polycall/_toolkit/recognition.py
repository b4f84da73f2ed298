"""Recognising an SDK's objects by the names of their classes, without importing the SDK."""

from __future__ import annotations


def is_instance_of(value: object, *class_names: str) -> bool:
    """Whether an object is an instance of a class, or of a subclass, that is known only by name.

    For `polycall_recognize_client`: imports nothing and never raises. Transparent proxies, such as those of ``wrapt``
    and ``unittest.mock.Mock(spec=...)``, count as what their ``__class__`` says.

    Args:
        value: Any object. A class is not an instance of itself.
        class_names: Module and name of each class as they are defined: ``"acme.client.Client"``.
    """
    kind = type(value)
    if _is_one_of(kind, class_names):
        return True
    try:
        shown = value.__class__
    except Exception:  # noqa: BLE001  # a property of somebody's that fails
        return False
    return shown is not kind and isinstance(shown, type) and _is_one_of(shown, class_names)


def _is_one_of(class_: type, names: tuple[str, ...]) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" in names for base in class_.__mro__)
