"""Replies: how the model is made to produce one, and how its chunks become calls."""
