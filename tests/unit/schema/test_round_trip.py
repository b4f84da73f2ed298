"""For generated models: each dialect's schema is what its provider takes, and an instance survives the way there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from polycall import SchemaError
from polycall.plugin import Dialect, render_schema
from polycall_llamacpp._request.schema import GRAMMAR, NATIVE
from polycall_openai._schema import CHAT, STRICT
from polycall_vertex._protocol.schema import VERTEX_JSON, VERTEX_SUBSET
from support.openai_requests import strict_schema_problems
from support.schema_models import as_json, as_json_schema, as_sent, instances, spec_of, validated

DIALECTS = [CHAT, STRICT, VERTEX_SUBSET, VERTEX_JSON, GRAMMAR, NATIVE]
EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@EXAMPLES
@given(data=instances())
def test_an_instance_fits_its_rendered_schema_and_comes_back_the_same(dialect: Dialect, data: BaseModel) -> None:
    value = as_json(data)
    assume(_survives_pydantic_alone(data, value))
    spec = spec_of(type(data))
    rendered = _render_or_skip(spec, dialect)

    sent = as_sent(value, spec, dialect)

    Draft202012Validator.check_schema(
        rendered.schema if dialect is not VERTEX_SUBSET else as_json_schema(rendered.schema)
    )
    Draft202012Validator(as_json_schema(rendered.schema)).validate(sent)
    assert validated(type(data), sent, rendered.restore) == data
    event("restored" if rendered.restore else "as it came")


def _survives_pydantic_alone(data: BaseModel, value: Any) -> bool:
    """Some unions do not: a bytes value comes back as the text that its union has too."""
    try:
        return bool(validated(type(data), value, None) == data)
    except ValueError:
        return False


HAVE_NO_FORM = ("recursive", "levels of objects", "takes a list or a map")
"""What the generated models may hold and a dialect refuses, each shown by a test of its own in test_dialects."""


def _render_or_skip(spec: Any, dialect: Dialect) -> Any:
    try:
        return render_schema(spec, dialect)
    except SchemaError as error:
        assume(not any(reason in error.problem for reason in HAVE_NO_FORM))
        raise


@EXAMPLES
@given(data=instances())
def test_strict_schemas_follow_the_documented_rules(data: BaseModel) -> None:
    rendered = _render_or_skip(spec_of(type(data)), STRICT)

    assert list(strict_schema_problems(rendered.schema)) == []
    text = json.dumps(rendered.schema)
    for keyword in (
        "prefixItems",
        "default",
        "minLength",
        "maxLength",
        "uniqueItems",
        "const",
        "title",
        "propertyNames",
    ):
        assert f'"{keyword}": ' not in text


@EXAMPLES
@given(data=instances(recursive=False))
def test_vertex_schemas_parse_as_the_official_types(data: BaseModel) -> None:
    from google.cloud.aiplatform_v1 import FunctionDeclaration
    from google.genai import types
    from google.protobuf import json_format

    spec = spec_of(type(data))
    subset = {"name": spec.name, "parameters": _render_or_skip(spec, VERTEX_SUBSET).schema}
    full = {"name": spec.name, "parametersJsonSchema": render_schema(spec, VERTEX_JSON).schema}

    for declaration in (subset, full):
        json_format.ParseDict(declaration, FunctionDeclaration.pb()())  # refuses unknown fields
        types.FunctionDeclaration.model_validate(declaration)  # forbids extra ones
