"""How well a model finds several tool calls in one question."""
