"""Converts the SDKs' own content objects to REST JSON. They are recognised by their attributes: nothing is imported.

Four kinds: pydantic models of ``google.genai.types``, wrappers of ``vertexai.generative_models``, proto-plus messages
of ``google.cloud.aiplatform``, and plain protobuf messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WRAPPED = (
    *("_raw_content", "_raw_part", "_raw_tool", "_gapic_tool_config", "_raw_generation_config", "_raw_safety_setting"),
)


def is_message(value: object) -> bool:
    """Whether a value is a plain protobuf message."""
    return hasattr(value, "DESCRIPTOR") and hasattr(value, "SerializeToString")


def to_rest(value: Any) -> dict[str, object] | None:
    """REST JSON (camelCase, bytes as base64) of an SDK's object; ``None`` for other values."""
    for name in _WRAPPED:
        if name in getattr(value, "__dict__", ()):
            value = getattr(value, name)
    if hasattr(value, "model_dump"):
        return _dump_model(value) if _is_of_google(type(value)) else None
    if is_message(value):
        return _dump_message(value)
    pb = getattr(type(value), "pb", None)
    return None if pb is None else _dump_message(pb(value))


def _is_of_google(type_: type) -> bool:
    """Whether a pydantic model is, or derives from, one of the SDK: those of callers are not contents."""
    return any(base.__module__.partition(".")[0] == "google" for base in type_.__mro__)


def _dump_message(message: Any) -> dict[str, object]:
    from google.protobuf import json_format

    dumped: dict[str, object] = json_format.MessageToDict(message)
    return dumped


def _dump_model(model: Any) -> dict[str, object]:
    dumped: dict[str, object] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    # A dump in JSON mode turns a NaN in a call's arguments into null, so the arguments are copied unchanged.
    for part, dumped_part in _parts_of(model, dumped):
        call = getattr(part, "function_call", None)
        shown = dumped_part.get("functionCall")
        if call is not None and call.args is not None and isinstance(shown, dict):
            shown["args"] = call.args
    return dumped


def _parts_of(model: Any, dumped: dict[str, object]) -> list[tuple[Any, dict[str, object]]]:
    if hasattr(model, "function_call"):
        return [(model, dumped)]
    parts, shown = getattr(model, "parts", None), dumped.get("parts")
    if isinstance(parts, list) and isinstance(shown, list):
        return list(zip(parts, shown, strict=True))
    content, shown_content = getattr(model, "content", None), dumped.get("content")
    if content is not None and isinstance(shown_content, dict):
        return _parts_of(content, shown_content)
    candidates, shown_candidates = getattr(model, "candidates", None), dumped.get("candidates")
    if not isinstance(candidates, list) or not isinstance(shown_candidates, list):
        return []
    return [
        pair for candidate, one in zip(candidates, shown_candidates, strict=True) for pair in _parts_of(candidate, one)
    ]


def short_model_name(model: object) -> str | None:
    """The model name of a ``GenerativeModel``: short for Google's own models, else the whole resource name."""
    resource = getattr(model, "_prediction_resource_name", None)
    return resource.rpartition("/publishers/google/models/")[2] if isinstance(resource, str) else None


def merge_objects(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Merge two JSON objects; where both have a value that is not an object, ``above`` wins."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        merged[name] = merge_objects(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
