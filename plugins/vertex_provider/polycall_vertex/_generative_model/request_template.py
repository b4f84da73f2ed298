"""Protobuf requests for the older SDK: tools and options are serialised once, the conversation is added per call.

A request is built as v1beta1 and copied as bytes: v1 has no field for the ids of calls, but keeps them as unknown
fields, which gRPC sends (and REST drops).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.aiplatform_v1beta1 import types as v1beta1
from google.protobuf import json_format

from polycall_vertex._sdk_objects import is_message

# The generated classes are dynamic: `Any` stands for their objects.


@dataclass(frozen=True, slots=True)
class Template:
    """A request without its conversation."""

    type_: Any
    """``GenerateContentRequest`` of v1 or v1beta1."""
    data: bytes
    call_options: Mapping[str, object]
    """Keyword arguments for the generated client."""
    tool_payload: object
    """Kept, so that its ``id`` stays unique."""

    def fill(self, conversation: Mapping[str, Any]) -> Any:
        """A new request with these ``contents``, and ``systemInstruction`` if there is one."""
        target = self.type_.pb()()
        target.MergeFromString(self.data)
        for content in conversation["contents"]:
            _fill_content(target.contents.add(), content)
        if "systemInstruction" in conversation:
            target.ClearField("system_instruction")
            _fill_content(target.system_instruction, conversation["systemInstruction"])
        return self.type_.wrap(target)


def make_template(
    message: Any, body: Mapping[str, object], call_options: Mapping[str, object], tool_payload: object
) -> Template:
    """Merge polycall's tools and options into a request built by the SDK.

    Args:
        message: The SDK's request, of either version; its contents are dropped.
        body: In REST JSON.
        call_options: Keyword arguments for the generated client.
        tool_payload: The origin of ``body``.
    """
    target = type(message).pb(message)
    for name in ("contents", "tools", "tool_config"):
        target.ClearField(name)
    if "safetySettings" in body:
        target.ClearField("safety_settings")
    whole = json_format.ParseDict(dict(body), v1beta1.GenerateContentRequest.pb()())
    target.MergeFromString(whole.SerializeToString())
    return Template(type(message), target.SerializeToString(), call_options, tool_payload)


def _fill_content(target: Any, content: Mapping[str, Any]) -> None:
    target.role = content["role"]
    for part in content["parts"]:
        if is_message(part):
            target.parts.add().MergeFromString(part.SerializeToString())
        elif len(part) == 1 and type(part.get("text")) is str:
            target.parts.add(text=part["text"])
        else:
            parsed = json_format.ParseDict(part, v1beta1.Part.pb()())
            target.parts.add().MergeFromString(parsed.SerializeToString())
