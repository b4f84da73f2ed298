"""Chat Completions, which most servers speak: a `polycall_openai._api.Api`."""

from polycall_openai._chat.decoder import create_decoder
from polycall_openai._chat.reply import extract_reply
from polycall_openai._chat.request import render_request, render_tools
from polycall_openai._sdk.endpoint import CHAT_COMPLETIONS

__all__ = ["create_decoder", "endpoint", "extract_reply", "render_request", "render_tools"]

endpoint = CHAT_COMPLETIONS
