"""Server profiles: how one is chosen, what each fact does, and where it is written down."""

from __future__ import annotations

import dataclasses
import json
import re
from types import ModuleType
from typing import Any

import pytest

import polycall
from polycall.plugin import Adaptation, Request, ToolSpec
from polycall_openai import PROFILES, ServerProfile
from polycall_openai._chat import request as chat
from polycall_openai._chat.messages import render_messages
from polycall_openai._chat.request import render_request, render_tools
from polycall_openai._responses import request as responses
from polycall_openai._servers.table import choose_profile
from support.openai_server import neutral_request, session

UNKNOWN = ServerProfile()
TOOLS = [ToolSpec(name, None, {"type": "object", "properties": {}}) for name in ("Search", "Weather")]


def request(options: dict[str, object], profile: ServerProfile, model: str = "m") -> Request:
    payload = render_tools(profile, TOOLS, "required", None, [])
    return neutral_request(payload, model=model, tool_choice="required", options=options, stream=False)


def rendered(server: str, options: dict[str, object], model: str = "m", **facts: object) -> tuple[Any, Request]:
    made = session("http://localhost:8000/v1", server=server, server_options=facts)
    asked = request(options, made.server.profile_for(model), model)
    return render_request(made.server, asked), asked


def body(server: str, options: dict[str, object], model: str = "m", **facts: object) -> dict[str, Any]:
    sent, _ = rendered(server, options, model, **facts)
    return dict(sent)


class TestChoosing:
    @pytest.mark.parametrize(
        ("base_url", "name"),
        [
            ("https://api.openai.com/v1", "openai"),
            ("https://eu.api.openai.com/v1", "openai"),
            ("https://mine.openai.azure.com/openai/v1", "azure"),
            ("https://api.groq.com/openai/v1", "groq"),
            ("https://api.together.xyz/v1", "together"),
            ("https://api.deepseek.com", "deepseek"),
            ("https://openrouter.ai/api/v1", "openrouter"),
            ("https://api.fireworks.ai/inference/v1", "fireworks"),
            ("https://api.cerebras.ai/v1", "cerebras"),
            ("https://api.mistral.ai/v1", "mistral"),
            ("https://api.x.ai/v1", "xai"),
            ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope"),
            ("https://open.bigmodel.cn/api/paas/v4", "bigmodel"),
            ("https://api.z.ai/api/paas/v4", "zai"),
            ("https://api.perplexity.ai", "perplexity"),
            ("https://adb-1.7.azuredatabricks.net/serving-endpoints", "databricks"),
            ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini"),
            ("http://localhost:11434/v1", "ollama"),
            ("http://127.0.0.1:1234/v1", "lmstudio"),
            ("http://localhost:8000/v1", "unknown"),
            ("https://api.openai.com.evil.example/v1", "unknown"),
            ("https://notapi.groq.com.example/v1", "unknown"),
            ("https://notapi.groq.com/v1", "unknown"),
            ("not a url", "unknown"),
        ],
    )
    def test_by_host(self, base_url: str, name: str) -> None:
        assert choose_profile(base_url, None, {}).name == name

    @pytest.mark.parametrize("name", ["vllm", "sglang", "llamacpp", "litellm", "unknown"])
    def test_by_name_whatever_the_host(self, name: str) -> None:
        assert choose_profile("https://api.openai.com/v1", name, {}).name == name

    def test_a_name_that_does_not_exist_names_the_nearest(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match=r"'grok'.*Did you mean 'groq'"):
            choose_profile("", "grok", {})

    def test_single_facts_can_be_otherwise_as_a_config_file_would_say_it(self) -> None:
        facts = {"tool_choices": ["auto"], "empty_content": "", "max_tools": 3, "families": []}

        made = choose_profile("", "openai", facts)

        assert made == dataclasses.replace(
            PROFILES["openai"], tool_choices=frozenset({"auto"}), empty_content="", max_tools=3, families=()
        )

    @pytest.mark.parametrize(
        ("facts", "words"),
        [
            ({"max_tool": 3}, "Did you mean 'max_tools'"),
            ({"max_tools": "many"}, "max_tools: Input should be a valid integer"),
            ({"tool_choices": ["sometimes"]}, "tool_choices"),
            ({"hosts": ["x"]}, "not a ServerProfile field"),
        ],
    )
    def test_a_fact_that_does_not_exist_or_fit(self, facts: dict[str, object], words: str) -> None:
        with pytest.raises(polycall.ConfigurationError, match=words):
            choose_profile("", None, facts)


class TestTheTable:
    def test_every_server_of_the_documentation_has_a_profile(self) -> None:
        assert set(PROFILES) >= {
            *("openai", "azure", "groq", "together", "deepseek", "openrouter", "fireworks", "cerebras", "mistral"),
            *(
                "xai",
                "perplexity",
                "databricks",
                "gemini",
                "ollama",
                "vllm",
                "sglang",
                "llamacpp",
                "lmstudio",
                "litellm",
            ),
        }

    @pytest.mark.parametrize("name", PROFILES)
    def test_every_fact_names_its_source(self, name: str) -> None:
        profile = PROFILES[name]
        facts = {
            field.name
            for field in dataclasses.fields(profile)
            if getattr(profile, field.name) != getattr(UNKNOWN, field.name)
        } - {"name", "hosts", "sources", "families"}

        assert facts == set(profile.sources)
        assert all(profile.sources.values())
        assert all(family.source for family in profile.families)


class TestFacts:
    """One test for each field that is not tested through the wire."""

    @pytest.mark.parametrize("name", ["lmstudio", "openai"])
    def test_references_are_written_out_where_they_are_not_resolved(self, name: str) -> None:
        """lmstudio-bug-tracker#551."""
        place = {"type": "object", "properties": {"city": {"type": "string"}}}
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
        schemas: list[dict[str, Any]] = [
            {"$defs": {"Place": place}, "type": "object", "properties": {"to": {"$ref": "#/$defs/Place"}}},
            {"$defs": {"Node": node}, "type": "object", "properties": {"first": {"$ref": "#/$defs/Node"}}},
        ]
        tools = [ToolSpec(f"Tool{number}", None, schema) for number, schema in enumerate(schemas)]

        payload = render_tools(PROFILES[name], tools, "required", False, [])
        plain, recursive = (tool.schema for tool in payload.tools.values())

        assert ("$ref" in str(plain)) is (name == "openai")
        properties: Any = plain["properties"]
        assert properties["to"] == (schemas[0]["properties"]["to"] if name == "openai" else place)
        assert "$ref" in str(recursive)  # has no other form

    def test_strict_is_asked_for_where_it_is_enforced(self) -> None:
        def strict(profile: ServerProfile) -> list[object]:
            tools = json.loads(render_tools(profile, TOOLS, "auto", None, []).payload)["tools"]
            return [tool["function"].get("strict") for tool in tools]

        assert strict(UNKNOWN) == [None, None]
        assert strict(PROFILES["openai"]) == [True, True]

    @pytest.mark.parametrize(
        ("choices", "asked", "choice", "offered"),
        [
            ({"auto", "required", "named"}, "Search", {"type": "function", "function": {"name": "Search"}}, 2),
            ({"auto", "required"}, "Search", "required", 1),
            ({"auto"}, "Search", "auto", 1),
            ({"auto"}, "required", "auto", 2),
            ({"auto"}, "auto", "auto", 2),
        ],
    )
    def test_tool_choices(self, choices: set[Any], asked: str, choice: object, offered: int) -> None:
        """moonshot, deepseek, lmstudio-bug-tracker#670."""
        adaptations: list[Adaptation] = []
        profile = dataclasses.replace(UNKNOWN, tool_choices=frozenset(choices))
        fields = json.loads(render_tools(profile, TOOLS, asked, None, adaptations).payload)

        assert (fields["tool_choice"], len(fields["tools"])) == (choice, offered)
        weakened = choice != asked and not isinstance(choice, dict)
        assert [(one.setting, one.given, one.sent) for one in adaptations] == (
            [("tool_choice", asked, choice)] if weakened else []
        )

    def test_max_tools(self) -> None:
        """pipecat#4862, zed#32946."""
        with pytest.raises(polycall.ConfigurationError, match="perplexity takes none at all"):
            render_tools(PROFILES["perplexity"], TOOLS, "auto", None, [])
        with pytest.raises(polycall.ConfigurationError, match="129 tools: openai takes 128"):
            render_tools(PROFILES["openai"], TOOLS[:1] * 129, "auto", None, [])

    def test_refused_fields_that_say_what_holds_anyway_are_left_out(self) -> None:
        """langchain#29416: ``parallel_tool_calls`` with a reasoning model."""
        assert "parallel_tool_calls" not in body("openai", {"parallel_tool_calls": True}, "o3-mini")
        assert "parallel_tool_calls" not in body("cerebras", {"parallel_tool_calls": True})
        assert body("openai", {"parallel_tool_calls": True}, "gpt-4o")["parallel_tool_calls"] is True

    @pytest.mark.parametrize("api", [chat, responses], ids=["chat", "responses"])
    @pytest.mark.parametrize(
        ("server", "model", "max_calls", "options", "sent"),
        [
            ("openai", "gpt-4o", 1, {}, False),
            ("azure", "gpt-4o", 1, {"temperature": 0}, False),
            ("groq", "llama", 1, {}, False),
            ("openai", "gpt-4o", 2, {}, None),
            ("openai", "gpt-4o", None, {}, None),
            ("openai", "gpt-4o", 1, {"parallel_tool_calls": True}, True),
            ("openai", "gpt-4o", 1, {"extra_body": {"parallel_tool_calls": True}}, True),
            ("openai", "o3", 1, {}, None),
            ("cerebras", "llama", 1, {}, None),
            ("ollama", "llama", 1, {}, None),
            ("unknown", "m", 1, {}, None),
        ],
    )
    def test_one_call_is_asked_for_where_the_server_has_a_word_for_it(
        self, api: ModuleType, server: str, model: str, max_calls: int | None, options: dict[str, object], sent: object
    ) -> None:
        made = session("http://localhost:8000/v1", server=server)
        payload = api.render_tools(made.server.profile_for(model), TOOLS, "required", None, [])
        asked = neutral_request(payload, model=model, options=options, stream=False, max_calls=max_calls)

        assert api.render_request(made.server, asked).get("parallel_tool_calls") is sent
        assert "parallel_tool_calls" not in [adaptation.setting for adaptation in asked.adaptations]

    def test_a_field_that_was_left_out_is_told_of(self) -> None:
        _, asked = rendered("cerebras", {"parallel_tool_calls": True})

        (adaptation,) = asked.adaptations
        assert (adaptation.setting, adaptation.kind, adaptation.given) == (
            "options.parallel_tool_calls",
            "dropped",
            True,
        )
        assert "cerebras" in adaptation.reason

    @pytest.mark.parametrize(
        ("server", "model", "field"),
        [("openai", "o3", "max_completion_tokens"), ("openai", "gpt-4o", "max_tokens"), ("vllm", "o3", "max_tokens")],
    )
    def test_the_limit_of_output_tokens_has_the_name_that_the_model_takes(
        self, server: str, model: str, field: str
    ) -> None:
        """forgecode#1081, deepchat#336."""
        sent = body(server, {"max_tokens": 7}, model)

        assert {name: value for name, value in sent.items() if name.startswith("max_")} == {field: 7}

    @pytest.mark.parametrize(
        ("server", "model", "options"),
        [
            ("openai", "o3", {"parallel_tool_calls": False}),
            ("openai", "o4-mini-2025-04-16", {"temperature": 0}),
            ("openai", "gpt-5-mini", {"temperature": 0.2}),
            ("azure", "o1", {"top_p": 0.5}),
            ("cerebras", "llama", {"parallel_tool_calls": False}),
        ],
    )
    def test_refused_fields_that_would_mean_something_are_an_error_before_the_request(
        self, server: str, model: str, options: dict[str, object]
    ) -> None:
        (name,) = options
        with pytest.raises(polycall.ConfigurationError, match=rf"{server}.* rejects {name}="):
            body(server, options, model)
        assert body(server, options, model, refused={}, families=[])[name] == options[name]

    @pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.5", "ollama-o3"])
    def test_other_models_take_them(self, model: str) -> None:
        assert body("openai", {"temperature": 0}, model)["temperature"] == 0

    def test_a_family_is_known_behind_a_gateways_prefix_too(self) -> None:
        assert PROFILES["openai"].for_model("openai/o3").refused["parallel_tool_calls"] is True

    def test_deepseek_thinks_without_force(self) -> None:
        assert PROFILES["deepseek"].for_model("deepseek-v4-pro").tool_choices == {"auto"}
        assert PROFILES["deepseek"].for_model("deepseek-chat").tool_choices == UNKNOWN.tool_choices

    @pytest.mark.parametrize(("profile", "content"), [("groq", ""), ("unknown", None)])
    def test_empty_content(self, profile: str, content: object) -> None:
        """ellmer#162."""
        assert echoed(choose_profile("", profile, {}))["content"] == content

    def test_fields_that_the_server_does_not_take_back(self) -> None:
        """freellmapi#1070, kilocode#10375: reasoning in the history."""
        for name in ("groq", "cerebras", "openai"):
            assert "reasoning_content" not in echoed(PROFILES[name])
        assert echoed(PROFILES["deepseek"])["reasoning_content"] == "Hm."

    def test_names_that_the_model_made_up_fit(self) -> None:
        profile = dataclasses.replace(UNKNOWN, max_name_length=10)

        assert re.fullmatch(r"[A-Za-z0-9_-]{1,10}", echoed(profile)["tool_calls"][0]["function"]["name"])

    def test_made_up_ids_have_the_servers_form(self) -> None:
        """magentic#276."""
        assert PROFILES["mistral"].make_call_id().isalnum()
        assert len(PROFILES["mistral"].make_call_id()) == 9
        assert UNKNOWN.make_call_id().startswith("call_")


def echoed(profile: ServerProfile) -> dict[str, Any]:
    """The assistant's turn in a correction."""
    call = {"id": "call_1", "type": "function", "function": {"name": "A.very.long.name", "arguments": "{}"}}
    turn = {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [call]}
    asked = request({}, profile)
    asked.messages = [turn]
    (message,) = render_messages(asked, profile)
    return message
