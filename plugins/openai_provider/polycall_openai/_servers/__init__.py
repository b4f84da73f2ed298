"""Servers: the requests that each accepts, and errors about their replies."""
