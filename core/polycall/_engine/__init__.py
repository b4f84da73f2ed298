"""The engine of one ``create()``: tools, validation, corrections, and the provider's hooks."""
