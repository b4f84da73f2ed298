"""The Responses API, OpenAI's newer one: a `polycall_openai._api.Api`."""

from polycall_openai._responses.decoder import create_decoder
from polycall_openai._responses.reply import extract_reply
from polycall_openai._responses.request import render_request, render_tools
from polycall_openai._sdk.endpoint import RESPONSES

__all__ = ["create_decoder", "endpoint", "extract_reply", "render_request", "render_tools"]

endpoint = RESPONSES
