"""The official SDK, and requests through it."""
