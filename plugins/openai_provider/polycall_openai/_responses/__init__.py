"""The Responses API, OpenAI's newer one: an `polycall_openai._api.Api`."""

from polycall_openai._responses.conversation import continue_conversation
from polycall_openai._responses.decoder import create_decoder
from polycall_openai._responses.reply import extract_reply
from polycall_openai._responses.request import build, render_tools
from polycall_openai._sdk.endpoint import RESPONSES

__all__ = ["build", "continue_conversation", "create_decoder", "endpoint", "extract_reply", "render_tools"]

endpoint = RESPONSES
