"""Renders a tool's JSON Schema, as pydantic makes it, in a provider's dialect.

One walk over the schema for all dialects. A form that the dialect lacks is rewritten into one that it has, and the walk
continues with that form: a map is walked as a list of key and value, a tuple as an object. Definitions are rendered
once each, also where references to them are inlined, so the cost is linear in the size of the schema.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from polycall._data.contract import ToolSpec
from polycall._data.errors import SchemaError
from polycall._schema.acceptance import accepted_form
from polycall._schema.dialect import Dialect, RenderedSchema, SchemaAdaptation
from polycall._schema.keywords import JSON_TYPES, ONLY_OF_ITS_TYPE, concerns, reading_order, row_of
from polycall._schema.limits import check_limits
from polycall._schema.phrases import describe
from polycall._schema.reading import (
    as_object,
    as_sequence,
    as_text,
    flatten_union,
    is_array,
    is_finite,
    is_null,
    json_type,
    kinds_of,
    map_as_list,
    split_by_type,
    telling_title,
    types_of,
    without,
)
from polycall._schema.restore import (
    ArrayPlan,
    EntriesPlan,
    JsonObject,
    ObjectPlan,
    Plan,
    Property,
    ReferencePlan,
    TuplePlan,
    UnionPlan,
    fits_shape,
    restorer_for,
)

_MAX_INLINED_SCHEMAS = 20_000
_DEFINITIONS = "#/$defs/"

Rendered = tuple[JsonObject, Plan | None]


def render_schema(tool: ToolSpec, dialect: Dialect) -> RenderedSchema:
    """Render a tool's schema in a provider's dialect.

    Args:
        tool: Its schema is not changed.
        dialect: The provider's.

    Returns:
        The schema, the function that undoes its changes of shape on the arguments, and a record of all changes.

    Raises:
        SchemaError: A field's shape has no form in the dialect, with the path of the field
            (``"Trip.legs[].size"``; ``.*`` is any value of a map) and what to write instead.
    """
    walk = _Walk(tool, dialect)
    schema, plan = walk.root()
    if dialect.limits:
        check_limits(schema, dialect.limits, tool.name, dialect)
    return RenderedSchema(schema, restorer_for(plan), walk.exact, tuple(walk.adaptations))


class _Walk:
    """One rendering of one tool."""

    def __init__(self, tool: ToolSpec, dialect: Dialect) -> None:
        self.exact = True
        self.adaptations: list[SchemaAdaptation] = []
        self._tool = tool
        self._dialect = dialect
        definitions = tool.schema.get("$defs")
        self._definitions: Mapping[str, object] = definitions if isinstance(definitions, Mapping) else {}
        self._rendered: dict[str, JsonObject] = {}
        self._plans: dict[str, Plan | None] = {}
        self._waiting: deque[tuple[str, str]] = deque()
        """Definitions that are referred to and not yet rendered, each with the path of its first use."""
        self._inlining: list[str] = []
        self._sizes: dict[str, int] = {}
        self._size = 0

    def root(self) -> Rendered:
        schema, plan = self._render(without(self._tool.schema, "$defs", "title"), self._tool.name, 0)
        while self._waiting:
            name, path = self._waiting.popleft()
            definition = self._definition(name, path)
            self._rendered[name], self._plans[name] = self._render(definition, path, 0, name)
        if self._rendered and self._dialect.references == "keep":
            schema = {"$defs": self._rendered, **schema}
        return schema, plan

    # -- by kind ------------------------------------------------------------------------------------------------------

    def _render(self, source: object, path: str, depth: int, name: str = "") -> Rendered:
        """Render one schema. ``name``: that of its property or class, to recognise a title that repeats it."""
        self._size += 1
        if depth > self._dialect.max_depth:
            raise self._error(path, f"the types are nested too deeply for {self._dialect.name}. Use flatter models.")
        if self._size > _MAX_INLINED_SCHEMAS and self._dialect.references == "inline":
            raise self._error(
                path, f"with each reference written out, it is too large for {self._dialect.name}. Split the model."
            )
        if source is False:
            raise self._error(path, "nothing fits this type. Remove the field.")
        if not isinstance(source, dict):
            source = {}
        if title := telling_title(source.get("title"), name):
            source = {**source, "description": describe([title, as_text(source.get("description"))], ())}
            self._record(path, "title", title, "in_words")
        if "$ref" in source:
            return self._reference(source, path, depth)
        if "allOf" in source and not self._dialect.all_of:
            return self._render(self._merged(source, path), path, depth)
        if "enum" in source or ("const" in source and (not self._dialect.const or source["const"] is None)):
            return self._enum(source, path, depth)
        has_parts = not ONLY_OF_ITS_TYPE.isdisjoint(source)
        if not has_parts and ("anyOf" in source or "oneOf" in source):
            return self._declared_union(source, path, depth)
        types = types_of(source)
        if len(types) > 1 and (has_parts or self._dialect.null == "nullable"):
            branches, rest = split_by_type(source, types)
            return self._union(rest, branches, "anyOf", path, depth)
        if types == ["object"]:
            return self._object(source, path, depth)
        if types == ["array"]:
            return self._array(source, path, depth)
        if types == ["null"] and self._dialect.null == "nullable":
            return self._finish({**source, "type": "string"}, {"nullable": True}, path, ["always null"]), None
        if not types and "const" not in source:
            return self._any(source, path)
        return self._finish(source, {}, path), None

    def _reference(self, source: JsonObject, path: str, depth: int) -> Rendered:
        name = str(source["$ref"]).removeprefix(_DEFINITIONS)
        siblings = without(source, "$ref", "title")
        if self._dialect.references == "inline":
            return self._inlined(name, siblings, path, depth)
        self._refer(source["$ref"], path)
        reference: JsonObject = {"$ref": f"{_DEFINITIONS}{name}"}
        extra = self._finish(siblings, {}, path)
        if extra and not self._dialect.reference_siblings:
            reference = {"anyOf": [reference]}
        return {**reference, **extra}, ReferencePlan(name, self._plans)

    def _refer(self, value: object, path: str) -> None:
        """Queue the definitions to which a reference, or the raw value of a keyword, refers."""
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str) and part.startswith(_DEFINITIONS):
                name = part.removeprefix(_DEFINITIONS)
                if name not in self._plans:
                    self._plans[name] = None
                    self._waiting.append((name, path))
            elif isinstance(part, dict | list):
                waiting.extend(part.values() if isinstance(part, dict) else part)

    def _inlined(self, name: str, siblings: JsonObject, path: str, depth: int) -> Rendered:
        if name in self._inlining:
            raise self._error(
                path,
                f"refers to {name}, which it is a part of; {self._dialect.name} has no form for recursive types. "
                "Write one model for each level, down to the depth that you need.",
            )
        if name in self._rendered:
            self._size += self._sizes[name]
        else:
            before = self._size
            self._inlining.append(name)
            definition = self._definition(name, path)
            self._rendered[name], self._plans[name] = self._render(definition, path, depth + 1, name)
            self._inlining.pop()
            self._sizes[name] = self._size - before
        schema, plan = self._rendered[name], self._plans[name]
        return self._extended(schema, self._finish(siblings, {}, path)), plan

    def _definition(self, name: str, path: str) -> JsonObject:
        definition = self._definitions.get(name)
        if not isinstance(definition, dict):
            raise self._error(path, f"refers to {name!r}, which its JSON Schema does not define.")
        return definition

    def _merged(self, source: JsonObject, path: str) -> JsonObject:
        branches = source["allOf"]
        if not (isinstance(branches, list) and len(branches) == 1 and isinstance(branches[0], dict)):
            raise self._error(path, f"{self._dialect.name} has no form for 'allOf'. Write one model with all fields.")
        merged = {**branches[0], **without(source, "allOf")}
        for keyword, value in branches[0].items():
            if merged[keyword] != value:
                self._drop(path, keyword, value)
        return merged

    def _any(self, source: JsonObject, path: str) -> Rendered:
        if self._dialect.any_value == "refuse":
            raise self._error(
                path, f"any value would do, which {self._dialect.name} has no form for. Give the field a type."
            )
        if self._dialect.any_value == "types":
            return self._finish({**source, "type": list(JSON_TYPES)}, {}, path), None
        return self._finish(source, {}, path), None

    # -- unions and enums ---------------------------------------------------------------------------------------------

    def _declared_union(self, source: JsonObject, path: str, depth: int) -> Rendered:
        keyword = "anyOf" if "anyOf" in source else "oneOf"
        if keyword == "oneOf" and not self._dialect.one_of and "discriminator" not in source:
            self._record(path, keyword, source[keyword], "reshaped")
        branches = as_sequence(source[keyword])
        if keyword == "anyOf" or not self._dialect.one_of:
            branches = flatten_union(branches)
        return self._union(without(source, keyword), branches, keyword, path, depth)

    def _union(self, siblings: JsonObject, branches: Sequence[object], keyword: str, path: str, depth: int) -> Rendered:
        """Render a union; ``keyword`` is the one that the user's schema has, ``siblings`` all others next to it."""
        nullable = self._dialect.null == "nullable" and any(is_null(branch) for branch in branches)
        if nullable:
            self._record_nulls(branches, path)
            branches = [branch for branch in branches if not is_null(branch)] or [{"type": "null"}]
        rendered = [self._render(branch, path, depth + 1) for branch in branches]
        maps = [isinstance(plan, EntriesPlan) for _, plan in rendered]
        if any(maps) and any(
            not is_map and is_array(schema) for is_map, (schema, _) in zip(maps, rendered, strict=True)
        ):
            raise self._error(
                path,
                f"takes a list or a map, and {self._dialect.name} has no maps: written as a list of entries, an empty "
                "map is an empty list. Take one of the two, or a model with a field for each.",
            )
        union: JsonObject = {keyword if self._dialect.one_of else "anyOf": [schema for schema, _ in rendered]}
        extra = without(self._finish(siblings, union, path), *union)
        if nullable:
            extra["nullable"] = True
        if len(rendered) == 1:
            schema, plan = rendered[0]
            if not extra or "$ref" not in schema:
                return self._extended(schema, extra), plan
        return self._extended(union, extra), self._union_plan(rendered)

    def _record_nulls(self, branches: Sequence[object], path: str) -> None:
        """Record the keywords of null branches: ``nullable`` has no place for them."""
        for branch in filter(is_null, branches):
            for keyword, value in as_object(branch).items():
                says_null = keyword == "type" or (keyword, value) in (("const", None), ("enum", [None]))
                if not says_null and row_of(keyword).role != "silent":
                    self._record(path, keyword, value, "dropped")

    def _union_plan(self, rendered: Sequence[Rendered]) -> Plan | None:
        if all(plan is None for _, plan in rendered):
            return None
        return UnionPlan(rendered, lambda value, schema: fits_shape(value, schema, self._rendered))

    def _extended(self, schema: JsonObject, extra: JsonObject) -> JsonObject:
        """A copy of a schema with more keywords; in its branches, if nothing may stand next to ``anyOf``."""
        if not extra:
            return schema
        if self._dialect.any_of_alone and "anyOf" in schema:
            branches = [self._extended(as_object(branch), extra) for branch in as_sequence(schema["anyOf"])]
            return {**schema, "anyOf": branches}
        described = describe([as_text(extra.get("description")), as_text(schema.get("description"))], ())
        return {**schema, **extra, **({"description": described} if described else {})}

    def _enum(self, source: JsonObject, path: str, depth: int) -> Rendered:
        keyword = "const" if "const" in source and not ("enum" in source and self._dialect.const) else "enum"
        values = as_sequence(source["enum"]) if keyword == "enum" else [source["const"]]
        if keyword == "const" and source.get("enum", values) != values:
            self._drop(path, "enum", source["enum"])
        types = list(dict.fromkeys(map(json_type, values)))
        if {*types} == {"integer", "number"}:
            types = ["number"]
        declared = types_of(source)
        if len(declared) == 1 and set(types) <= {declared[0], "integer" if declared == ["number"] else declared[0]}:
            types = declared
        bare = without(source, keyword, "enum", "type")
        split = self._dialect.typed_enums or not set(types) <= self._dialect.enum_types
        if len(types) > 1 and split:
            branches: list[object] = [
                {"type": each, "enum": [value for value in values if json_type(value) in kinds_of(each, types)]}
                for each in types
            ]
            return self._union(bare, branches, "anyOf", path, depth)
        if types == ["null"]:
            return self._render({**bare, "type": "null"}, path, depth)
        is_writable = all(map(is_finite, values)) and (self._dialect.empty_enum_value or "" not in values)
        if not split and is_writable and set(types) <= self._dialect.enum_types:
            kind = {"type": source["type"]} if "type" in source else {}
            return self._finish({**bare, **kind}, {"enum": values}, path), None
        if len(types) == 1 and types[0] not in ("object", "array"):
            bare["type"] = types[0]
        elif self._dialect.any_value != "keep":
            raise self._error(path, f"{self._dialect.name} has no form for these values. Give the field a type.")
        if is_writable and "type" in bare and types[0] in self._dialect.enum_types:
            return self._finish(bare, {"enum": values}, path), None
        return self._finish(bare, {}, path, self._tell(path, keyword, source[keyword])), None

    # -- objects and arrays -------------------------------------------------------------------------------------------

    def _object(self, source: JsonObject, path: str, depth: int) -> Rendered:
        properties = source.get("properties")
        named: Mapping[str, object] = properties if isinstance(properties, Mapping) else {}
        source = self._as_plain_map(source, path)
        others = source.get("additionalProperties", False if named else None)
        if not named and (others not in (None, False) or "patternProperties" in source):
            return self._map(source, others, path, depth)
        if named and others is not False and self._dialect.open_objects == "close":
            self._drop(path, "additionalProperties", others)
            others = False
        if named and others is not False and not self._dialect.open_objects:
            raise self._error(
                path,
                f"has fields of its own and takes further ones, which {self._dialect.name} has no form for. "
                "Use extra='ignore' or 'forbid', and a field of type list for what is open.",
            )
        if not named and not self._dialect.empty_objects:
            raise self._error(path, f"has no fields, which {self._dialect.name} has no form for. Give it a field.")
        return self._closed_object(source, named, others, path, depth)

    def _closed_object(
        self,
        source: JsonObject,
        named: Mapping[str, object],
        others: object,
        path: str,
        depth: int,
        item_paths: Mapping[str, str] | None = None,
        notes: Sequence[str] = (),
    ) -> Rendered:
        required = dict.fromkeys(map(str, as_sequence(source.get("required"))))
        rendered: JsonObject = {}
        plans: dict[str, Property] = {}
        names: dict[object, str] = {}
        for name, part in named.items():
            part_path = item_paths[name] if item_paths else f"{path}.{name}"
            names[name] = rendered_name = self._property_name(name, names.values())
            schema, plan, null_is_absent = self._property(part, name, name in required, part_path, depth)
            rendered[rendered_name] = schema
            if rendered_name != name:
                self._record(part_path, "properties", name, "renamed")
            if plan or null_is_absent or rendered_name != name:
                plans[rendered_name] = Property(name, plan, null_is_absent)
        built: JsonObject = {"properties": rendered}
        bare = without(source, "properties", "required", "additionalProperties")
        if not required.keys() <= named.keys() and not self._dialect.other_keywords:
            notes = [*notes, *self._tell(path, "required", source["required"])]
            required = {name: None for name in required if name in named}
        wanted = list(rendered) if self._dialect.all_required else [names.get(name, name) for name in required]
        if wanted or self._dialect.all_required:
            built["required"] = wanted
        others_plan = None
        if isinstance(others, dict) and others:
            built["additionalProperties"], others_plan = self._render(others, f"{path}.*", depth + 1)
        elif others is not None and (others is not False or "additionalProperties" in source or self._dialect.closed):
            built["additionalProperties"] = others is not False
        elif others is None and self._dialect.closed:
            built["additionalProperties"] = False
        if not self._dialect.additional_properties and built.pop("additionalProperties", False) is not False:
            self._drop(path, "additionalProperties", others)
        if self._dialect.property_ordering and len(rendered) > 1:
            built["propertyOrdering"] = list(rendered)
        plan = ObjectPlan(plans, others_plan) if plans or others_plan else None
        return self._finish(bare, built, path, notes), plan

    def _property(
        self, source: object, name: str, is_required: bool, path: str, depth: int
    ) -> tuple[JsonObject, Plan | None, bool]:
        """Render a property; the last value says that null stands for leaving it out."""
        if is_required or not self._dialect.all_required:
            return *self._render(source, path, depth + 1, name), False
        source = source if isinstance(source, dict) else {}
        self._record(path, "required", name, "reshaped")
        if self._takes_null(source):
            # Null has a meaning of its own here, so there is no way left to leave the property out.
            self.exact = self.exact and "default" in source and source["default"] is None
            return *self._render(source, path, depth + 1, name), False
        self.exact = False
        schema, plan = self._render(without(source, "default"), path, depth + 1, name)
        note = "null to leave it out"
        if "default" in source:
            default = source["default"]
            note = f"null for the {row_of('default').in_words(default) or 'default'}"
            self._record(path, "default", default, "in_words")
        described = describe([as_text(schema.get("description"))], [note])
        inner = without(schema, "description")
        branches = as_sequence(inner["anyOf"]) if inner.keys() == {"anyOf"} else [inner]
        return {"anyOf": [*branches, {"type": "null"}], "description": described}, plan, True

    def _takes_null(self, source: object, seen: frozenset[object] = frozenset()) -> bool:
        if not isinstance(source, dict):
            return True
        reference = source.get("$ref")
        if reference is not None:
            name = str(reference).removeprefix(_DEFINITIONS)
            return reference not in seen and self._takes_null(self._definitions.get(name), seen | {reference})
        for keyword in ("anyOf", "oneOf"):
            if keyword in source:
                return any(self._takes_null(branch, seen) for branch in as_sequence(source[keyword]))
        if "const" in source:
            return source["const"] is None
        if "enum" in source:
            return None in as_sequence(source["enum"])
        types = types_of(source)
        return not types or "null" in types

    def _property_name(self, name: str, taken: Iterable[str]) -> str:
        allowed = self._dialect.property_names
        if allowed is None or allowed.fullmatch(name):
            return name
        letters = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)[:50]
        candidate = letters if allowed.fullmatch(letters) else f"_{letters}"
        number = 2
        others = {*taken}
        while candidate in others:
            candidate = f"{letters}_{number}" if allowed.fullmatch(letters) else f"_{letters}_{number}"
            number += 1
        return candidate

    def _as_plain_map(self, source: JsonObject, path: str) -> JsonObject:
        """Write ``patternProperties`` as ``additionalProperties`` and ``propertyNames``, if it is not accepted."""
        patterns = source.get("patternProperties")
        if not isinstance(patterns, Mapping) or "patternProperties" in self._accepted("object"):
            return source
        self._record(path, "patternProperties", patterns, "reshaped")
        if source.get("additionalProperties"):
            self._drop(path, "additionalProperties", source["additionalProperties"])
        values = list(patterns.values())
        keys: JsonObject = {"pattern": "|".join(patterns)}
        names = source.get("propertyNames")
        return {
            **without(source, "patternProperties"),
            "additionalProperties": values[0] if len(values) == 1 else {"anyOf": values},
            "propertyNames": {**names, **keys} if isinstance(names, dict) else keys,
        }

    def _map(self, source: JsonObject, values: object, path: str, depth: int) -> Rendered:
        keys = self._resolved(source.get("propertyNames"))
        known = keys.get("enum", [keys["const"]] if "const" in keys else None)
        # With null for an absent key, a key whose value is null could not be told from it.
        as_object = not (self._dialect.all_required and self._takes_null(values))
        if isinstance(known, list) and as_object and "propertyNames" not in self._accepted("object"):
            self._record(path, "additionalProperties", values, "reshaped")
            named = {str(key): values for key in known}
            return self._closed_object(
                without(source, "propertyNames", "additionalProperties"), named, False, path, depth
            )
        if keys:
            source = {**source, "propertyNames": keys}
        if self._dialect.maps == "keep":
            return self._kept_map(source, values, path, depth)
        self._record(path, "additionalProperties", values, "reshaped")
        source = self._only_of_type("object", source, path)
        keys_and_values: JsonObject = {"key": {"type": "string", **keys}, "value": values}
        entry, plan = self._closed_object(
            {"type": "object", "required": ["key", "value"], "additionalProperties": False},
            keys_and_values,
            False,
            path,
            depth + 1,
            item_paths=dict.fromkeys(keys_and_values, f"{path}.*"),
        )
        notes = self._tell(path, "required", source["required"]) if source.get("required") else []
        return self._finish(map_as_list(source), {"items": entry}, path, notes), EntriesPlan(ArrayPlan([], plan))

    def _kept_map(self, source: JsonObject, values: object, path: str, depth: int) -> Rendered:
        built: JsonObject = {}
        plan: Plan | None = None
        if isinstance(values, dict) and values:
            built["additionalProperties"], plan = self._render(values, f"{path}.*", depth + 1)
        elif values is not None:
            built["additionalProperties"] = values is not False
        plans: list[Plan | None] = []
        patterns = as_object(source.get("patternProperties"))
        if patterns:
            rendered = {pattern: self._render(part, f"{path}.*", depth + 1) for pattern, part in patterns.items()}
            built["patternProperties"] = {pattern: schema for pattern, (schema, _) in rendered.items()}
            plans = [each for _, each in rendered.values()]
        others = plan or next(filter(None, plans), None)
        bare = without(source, "properties", "additionalProperties", *(["patternProperties"] if patterns else []))
        return self._finish(bare, built, path), ObjectPlan({}, others) if others else None

    def _resolved(self, source: object) -> JsonObject:
        """Follow the reference of a map's keys to an enum."""
        while isinstance(source, dict) and "$ref" in source:
            source = self._definitions.get(str(source["$ref"]).removeprefix(_DEFINITIONS))
        return without(source, "title") if isinstance(source, dict) else {}

    def _array(self, source: JsonObject, path: str, depth: int) -> Rendered:
        prefix = as_sequence(source.get("prefixItems"))
        if prefix and self._dialect.tuples == "object":
            if all(part == prefix[0] for part in prefix) and "items" not in source and "maxItems" in source:
                source = {**without(source, "prefixItems"), "items": prefix[0]}
                prefix = []
            else:
                return self._tuple(source, prefix, path, depth)
        rendered = [self._render(part, f"{path}[{at}]", depth + 1) for at, part in enumerate(prefix)]
        built: JsonObject = {"prefixItems": [schema for schema, _ in rendered]} if rendered else {}
        items = source.get("items", ... if prefix else True)
        plan: Plan | None = None
        if items is ... or items is False:
            items_are_closed = items is False and self._dialect.tuples == "keep" and self._dialect.any_value == "keep"
            if items_are_closed:
                built["items"] = False
            elif items is False:
                self._drop(path, "items", items)
        elif source.get("maxItems") == 0 and items is True:
            built |= {} if self._dialect.untyped_items else {"items": self._finish({"type": "string"}, {}, path)}
        else:
            built["items"], plan = self._render(items, f"{path}[]", depth + 1)
        plans = [each for _, each in rendered]
        bare = without(source, "items", "prefixItems")
        return self._finish(bare, built, path), ArrayPlan(plans, plan) if plan or any(plans) else None

    def _tuple(self, source: JsonObject, prefix: Sequence[object], path: str, depth: int) -> Rendered:
        if source.get("items", False) is not False or not isinstance(source.get("maxItems", 0), int):
            raise self._error(
                path, f"{self._dialect.name} has no form for a tuple with a variable part. Use a model with a list."
            )
        names = [f"item_{number}" for number in range(1, len(prefix) + 1)]
        least = source.get("minItems", len(prefix))
        self._record(path, "prefixItems", prefix, "reshaped")
        rest: JsonObject = {}
        notes: list[str] = []
        for keyword, value in self._only_of_type("array", source, path).items():
            if not concerns(keyword, ["array"]):
                rest[keyword] = value
            elif keyword not in ("prefixItems", "items", "minItems", "maxItems"):
                notes += self._tell(path, keyword, value)
        as_object: JsonObject = {
            **rest,
            "type": "object",
            "required": names[: least if isinstance(least, int) else len(names)],
            "additionalProperties": False,
        }
        paths = {name: f"{path}[{at}]" for at, name in enumerate(names)}
        schema, plan = self._closed_object(
            as_object, dict(zip(names, prefix, strict=True)), False, path, depth, item_paths=paths, notes=notes
        )
        return schema, TuplePlan(names, plan)

    def _only_of_type(self, type_: str, source: JsonObject, path: str) -> JsonObject:
        """A schema without the keywords of other types, before it becomes one of another type itself."""
        kept: JsonObject = {}
        for keyword, value in source.items():
            types = row_of(keyword).types
            if types and type_ not in types:
                self._record(path, keyword, value, "dropped")
            else:
                kept[keyword] = value
        return kept

    # -- keywords -----------------------------------------------------------------------------------------------------

    def _finish(self, source: JsonObject, built: JsonObject, path: str, notes: Sequence[str] = ()) -> JsonObject:
        """Complete a schema: its type, the built keywords, its constraints and its annotations.

        Args:
            source: The user's keywords without those that ``built`` replaces.
            built: Keywords that are already rendered.
            path: For the record of adaptations.
            notes: Constraints that are already in words.
        """
        schema: JsonObject = {}
        notes = [*notes]
        types = types_of(source) if "type" in source else []
        if types:
            spelled = [each.upper() if self._dialect.upper_case_types else each for each in types]
            schema["type"] = spelled[0] if len(spelled) == 1 else spelled
        schema |= built
        assertions = frozenset[str]().union(*map(self._accepted, types))
        for keyword in sorted(source, key=reading_order):
            row = row_of(keyword)
            if row.role == "silent" or keyword in ("type", "description"):
                continue
            value = source[keyword]
            if types and row.types and row.types.isdisjoint(types):
                self._record(path, keyword, value, "dropped")  # concerns other types only
                continue
            form = accepted_form(row, value, types, assertions, self._dialect)
            if form and (form[0] not in schema or schema[form[0]] == form[1]):
                schema[form[0]] = form[1]
                if row.has_schemas:
                    self._refer(value, path)
            else:
                notes += self._tell(path, keyword, value)
        description = describe([as_text(source.get("description"))], notes)
        return {**schema, "description": description} if description else schema

    def _tell(self, path: str, keyword: str, value: object) -> list[str]:
        """Tell a keyword in words; an unknown one, or one that does not say what to write, is dropped."""
        row = row_of(keyword)
        note = row.in_words(value)
        self._record(path, keyword, value, "in_words" if note else "dropped")
        if row.narrows and (note or not row.is_known):
            self.exact = False
        return [note] if note else []

    def _drop(self, path: str, keyword: str, value: object) -> None:
        self.exact = False
        self._record(path, keyword, value, "dropped")

    def _record(
        self, path: str, keyword: str, value: object, what: Literal["in_words", "dropped", "reshaped", "renamed"]
    ) -> None:
        self.adaptations.append(SchemaAdaptation(path, keyword, value, what))

    def _accepted(self, type_: str) -> frozenset[str]:
        return self._dialect.assertions.get(type_, frozenset())

    def _error(self, path: str, problem: str) -> SchemaError:
        return SchemaError(path, " ".join(filter(None, (problem, self._dialect.otherwise))))
