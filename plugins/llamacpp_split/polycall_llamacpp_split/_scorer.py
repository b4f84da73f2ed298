"""Asks the model in small steps: for the likelihood of a text, and for the likeliest continuation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast, get_args
from weakref import WeakKeyDictionary

from polycall.plugin import JsonObject, json_text
from polycall_llamacpp.strategies import Job, LoadedModel, complete
from polycall_llamacpp_split._tokens import ModelTokens, PromptKind

_MAX_REMEMBERED = 4096

_KINDS: Sequence[PromptKind] = get_args(PromptKind)


@dataclass(slots=True)
class _Memory:
    """The answers of a model so far."""

    tokens: ModelTokens
    scores: dict[tuple[str, str], float] = field(default_factory=dict)


_memories: WeakKeyDictionary[LoadedModel, _Memory] = WeakKeyDictionary()


class Scorer:
    """The steps of one reply.

    Args:
        model: The model to ask.
        job: The reply's job; once it is stopped, each step raises `Stopped`.
        max_tokens: Bound for the tokens of all `generate` steps together.
    """

    def __init__(self, model: LoadedModel, job: Job, max_tokens: int) -> None:
        self.tokens_left = max_tokens
        self.steps: list[JsonObject] = []
        self._model = model
        self._job = job
        self._memory = _memories.setdefault(model, _Memory(ModelTokens(model.listener)))

    @property
    def tokens(self) -> ModelTokens:
        """The known tokens of the model."""
        return self._memory.tokens

    @property
    def usage(self) -> dict[str, object]:
        """Token counts of all steps together."""
        counts = [cast("Mapping[str, int]", step.get("usage") or {}) for step in self.steps]
        total: dict[str, object] = {
            name: sum(count.get(name, 0) for count in counts)
            for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        }
        cached = (cast("Mapping[str, int]", count.get("prompt_tokens_details") or {}) for count in counts)
        return {
            **total,
            "prompt_tokens_details": {"cached_tokens": sum(part.get("cached_tokens", 0) for part in cached)},
        }

    @property
    def model_name(self) -> str | None:
        """The model, by llama.cpp's name for it."""
        return json_text(self.steps[-1], "model") if self.steps else None

    def score(self, prompt: str, text: str, kind: PromptKind) -> float:
        """Log P(text | prompt).

        The text's own tokens are forced: forcing characters would let the model wander into odd token boundaries,
        whose probabilities mean nothing. (llama.cpp reports the probabilities before the grammar applies.)

        Args:
            prompt: The text before.
            text: The text to score.
            kind: The kind of prompt; prompts of one kind begin alike.
        """
        scores = self._memory.scores
        if (prompt, text) not in scores:
            tokens = self.tokens.of_text(text)
            grammar = "root ::= " + " ".join(f"<[{token}]>" for token in tokens)
            choice = self._complete(prompt, grammar, len(tokens), kind, n_probs=1)
            content = cast("Sequence[Mapping[str, float]]", cast("Mapping[str, object]", choice["logprobs"])["content"])
            if len(scores) >= _MAX_REMEMBERED:
                scores.clear()
            scores[prompt, text] = sum(token["logprob"] for token in content[: len(tokens)])
        return scores[prompt, text]

    def score_each(self, prompt: str, texts: Sequence[str], kind: PromptKind) -> list[float]:
        """`score` of several texts, with one request for their tokens."""
        self.tokens.learn(text for text in texts if (prompt, text) not in self._memory.scores)
        return [self.score(prompt, text, kind) for text in texts]

    def generate(self, prompt: str, grammar: str, max_tokens: int, kind: PromptKind) -> tuple[str, bool]:
        """Generate the likeliest text that the grammar allows, token by token.

        Returns:
            The text, and whether it is complete.
        """
        choice = self._complete(prompt, grammar, max(1, min(max_tokens, self.tokens_left)), kind)
        usage = cast("Mapping[str, int]", self.steps[-1].get("usage") or {})
        self.tokens_left -= usage.get("completion_tokens", 0)
        return str(choice["text"]), choice["finish_reason"] != "length"

    def chat_prompt(self, messages: Sequence[Mapping[str, object]]) -> str:
        """Render messages with the model's chat template."""
        return str(self._model.listener.ask("/apply-template", {"messages": list(messages)})["prompt"])

    def _complete(
        self, prompt: str, grammar: str, max_tokens: int, kind: PromptKind, n_probs: int = 0
    ) -> Mapping[str, object]:
        body: JsonObject = {
            "prompt": self.tokens.of_prompt(prompt, kind),
            "grammar": grammar,
            "max_tokens": max_tokens,
            "n_probs": n_probs,
            "temperature": 0,
        }
        if self._model.slots:
            # A slot for each kind of prompt, so that its examples stay in that slot's cache.
            body["id_slot"] = _KINDS.index(kind) % self._model.slots
        answer = complete(self._model.server.llama, body, self._job)
        self.steps.append(answer)
        return cast("Sequence[Mapping[str, object]]", answer["choices"])[0]
