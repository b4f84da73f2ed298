"""Protobuf requests for the older SDK: tools and options are serialised once, the conversation is added per call.

A request is built as v1beta1 and copied as bytes: v1 has no field for the ids of calls, but keeps them as unknown
fields, which gRPC sends (and REST drops).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.cloud.aiplatform_v1beta1 import types as v1beta1
from google.protobuf import json_format

from polycall.plugin import Adaptation, ConfigurationError, JsonObject, MessageError
from polycall_vertex._protocol.body import CallSettings

# The generated classes are dynamic: `Any` stands for their objects.


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A whole request.

    Attributes:
        message: ``GenerateContentRequest`` of v1 or v1beta1.
        call_options: Keyword arguments for the generated client: time-out, retries, metadata.
    """

    message: Any
    call_options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Template:
    """A request without its conversation.

    Attributes:
        type_: ``GenerateContentRequest`` of v1 or v1beta1.
        data: The message, serialised.
        settings: For the conversation.
        adaptations: Changes to the caller's request.
        call_options: Keyword arguments for the generated client.
        tool_payload: Kept, so that its ``id`` stays unique.
    """

    type_: Any
    data: bytes
    settings: CallSettings
    adaptations: Sequence[Adaptation]
    call_options: Mapping[str, object]
    tool_payload: object

    def fill(self, messages: Sequence[object]) -> ModelRequest:
        """A new request with these messages.

        Raises:
            MessageError: Vertex AI cannot carry a message.
        """
        conversation = self.settings.conversation(messages)
        target = self.type_.pb()()
        target.MergeFromString(self.data)
        for content in cast("list[JsonObject]", conversation["contents"]):
            _fill_content(target.contents.add(), content)
        if "systemInstruction" in conversation:
            _fill_content(target.system_instruction, cast("JsonObject", conversation["systemInstruction"]))
        return ModelRequest(self.type_.wrap(target), self.call_options)


def make_template(
    message: Any,
    fields: JsonObject,
    settings: CallSettings,
    call_options: Mapping[str, object],
    payload: object,
    adaptations: list[Adaptation],
) -> Template:
    """Merge polycall's tools and options into a request built by the SDK.

    Args:
        message: The SDK's request, of either version; its contents, instruction and tools are dropped, because
            ``settings`` holds them.
        fields: In REST JSON: the caller's safety settings.
        settings: Of the call, merged with those of the model.
        call_options: Keyword arguments for the generated client.
        payload: From `polycall_render_tools`.
        adaptations: Of the call; appended to.

    Raises:
        ConfigurationError: The options contradict each other.
    """
    fields = fields | settings.tool_fields(payload, adaptations)
    target = type(message).pb(message)
    for name in ("contents", "system_instruction", "tools", "tool_config"):
        target.ClearField(name)
    if "safetySettings" in fields:
        target.ClearField("safety_settings")
    try:
        whole = json_format.ParseDict(fields, v1beta1.GenerateContentRequest.pb()())
    except json_format.ParseError as error:
        raise ConfigurationError(f"GenerativeModel rejects the options: {error}") from error
    target.MergeFromString(whole.SerializeToString())
    return Template(type(message), target.SerializeToString(), settings, adaptations, call_options, payload)


def _fill_content(target: Any, content: JsonObject) -> None:
    target.role = content["role"]
    for part in cast("list[JsonObject]", content["parts"]):
        if len(part) == 1 and type(part.get("text")) is str:
            target.parts.add(text=part["text"])
            continue
        try:
            parsed = json_format.ParseDict(part, v1beta1.Part.pb()())
        except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
            raise MessageError(f"messages: GenerativeModel cannot carry a part: {error}") from error
        target.parts.add().MergeFromString(parsed.SerializeToString())
