"""How a provider was asked for: kept for the error, should the name select nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NameRequest:
    """How a provider was asked for.

    Attributes:
        name: The provider's name, as it was written.
        model: The model's name that was written with it.
        place: Where both stand in a config file, in which they are two keys; ``None`` in code.
    """

    name: str
    model: str | None = None
    place: str | None = None

    def text(self) -> str:
        """Name and model as one text."""
        return self.name if self.model is None else f"{self.name}/{self.model}"

    def written(self, name: str, model: str | None) -> str:
        """How to write another name and model in the same place."""
        if self.place is not None:
            model_too = f' and model = "{model}"' if model and model != self.model else ""
            return f'provider = "{name}"{model_too}'
        return repr(name if model is None else f"{name}/{model}")
