"""Chat Completions, which most servers speak: an `polycall_openai._api.Api`."""

from polycall_openai._chat.conversation import continue_conversation
from polycall_openai._chat.decoder import create_decoder
from polycall_openai._chat.reply import extract_reply
from polycall_openai._chat.request import build, render_tools
from polycall_openai._sdk.endpoint import CHAT_COMPLETIONS

__all__ = ["build", "continue_conversation", "create_decoder", "endpoint", "extract_reply", "render_tools"]

endpoint = CHAT_COMPLETIONS
