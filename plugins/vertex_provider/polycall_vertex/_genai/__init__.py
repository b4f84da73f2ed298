"""``google.genai``: the transport of its ``Client``."""
