"""From the bytes of a streamed reply to tool calls, for both APIs."""
