"""The protocol of Gemini on Vertex AI, for both SDKs: messages, tools and replies as REST JSON. No I/O."""
