"""``vertexai.generative_models``: the transport of its ``GenerativeModel``."""
