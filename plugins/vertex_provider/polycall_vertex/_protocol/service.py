"""The two services that speak Gemini's protocol, and the facts in which they differ."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        name: The provider's name, which is also the key of its data in messages.
        label: Its name in errors.
        telemetry_name: Its ``gen_ai.provider.name`` in OpenTelemetry's registry.
        file_advice: The URIs that a part of a message may have.
        needs_file_type: A part with a URI must have its media type.
    """

    name: str
    label: str
    telemetry_name: str
    file_advice: str
    needs_file_type: bool


VERTEX = Service("vertex", "Vertex AI", "gcp.vertex_ai", "data:, gs:// or https://", needs_file_type=True)
GEMINI = Service(
    "gemini",
    "the Gemini API",
    "gcp.gemini",
    # Gemini API documentation, "File input methods": files of the Files API by their URI, registered gs:// objects
    "data:, https://, or the URI of an uploaded file",
    needs_file_type=False,  # examples of "Video understanding" have a YouTube URL without it
)
