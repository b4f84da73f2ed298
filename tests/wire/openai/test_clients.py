"""Which clients can be used and how they are made; what of the SDK stays in force."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

import polycall
from support.openai_replies import Call, chunks, completion, sse
from support.openai_responses import output_items, response
from support.openai_server import ChatServer, GoogleSearch, Way
from support.wire_server import FAULTS, reply_json, reply_stream

MESSAGES = [{"role": "user", "content": "?"}]
CALLS: list[Call] = [("GoogleSearch", {"query": "a"})]
VALUES = [GoogleSearch(query="a")]


class TestByName:
    def test_the_settings_reach_the_sdk(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)))

        with polycall.from_provider(
            "openai/gpt-4o-mini",
            base_url=server.url,
            api_key="sk-secret",
            organization="org",
            project="proj",
            timeout=7,
            max_retries=1,
            default_headers={"x-team": "a"},
            default_query={"v": "1"},
        ) as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES
            assert "sk-secret" not in repr(client)

        (request,) = server.requests
        wanted = {
            "authorization": "Bearer sk-secret",
            "openai-organization": "org",
            "openai-project": "proj",
            "x-team": "a",
            "x-stainless-read-timeout": "7.0",
        }
        assert {name: request.headers[name] for name in wanted} == wanted
        assert request.query == {"v": ["1"]}
        assert request.json["model"] == "gpt-4o-mini"
        assert request.client_closed.wait(10)  # closing the client closes the SDK's

    async def test_async(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)))

        async with polycall.from_provider(
            "openai/gpt-4o-mini", async_client=True, base_url=server.url, api_key="sk"
        ) as client:
            assert list(await client.create(MESSAGES, list[GoogleSearch])) == VALUES

    def test_a_profile_of_a_config_file(
        self, server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.enqueue(reply_json(completion(CALLS)))
        monkeypatch.setenv("MY_KEY", "sk-from-env")
        file = tmp_path / "polycall.toml"
        file.write_text(
            'default = "fast"\n[profiles.fast]\nprovider = "openai"\nmodel = "gpt-4o-mini"\n'
            f'base_url = "{server.url}"\napi_key_env = "MY_KEY"\n'
        )

        with polycall.from_config(file) as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES

        assert server.requests[0].headers["authorization"] == "Bearer sk-from-env"

    def test_azure_settings_make_an_azure_client(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)))

        with polycall.from_provider(
            "openai/gpt-4o", azure_endpoint=server.url, api_version="2024-10-21", api_key="azure-key"
        ) as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES

        (request,) = server.requests
        assert request.path == "/openai/deployments/gpt-4o/chat/completions"
        assert request.headers["api-key"] == "azure-key"

    def test_an_http_client_of_the_user_stays_open(self, server: ChatServer) -> None:
        with openai.DefaultHttpxClient(verify=False) as http_client:
            polycall.from_provider("openai/m", base_url=server.url, api_key="sk", http_client=http_client).close()

            assert not http_client.is_closed

    def test_settings_that_do_not_fit_together(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match="api_key, azure_endpoint"):
            polycall.from_provider("openai/m", azure_endpoint="https://x.openai.azure.com", api_key="k")

    def test_an_unknown_setting_names_the_nearest(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match="Did you mean 'base_url'"):
            polycall.from_provider("openai/m", base_ulr="x")

    def test_a_base_url_without_a_scheme(self) -> None:
        with pytest.raises(polycall.ConfigurationError, match="base_url: must begin with http:// or https://"):
            polycall.from_provider("openai/m", base_url="localhost:8000/v1", api_key="k")

    def test_a_missing_key_is_the_sdks_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)

        with pytest.raises(openai.OpenAIError, match="OPENAI_API_KEY"):
            polycall.from_provider("openai/m")

    def test_a_missing_sdk_names_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "openai", None)

        with pytest.raises(polycall.PluginError, match=r'pip install --upgrade "polycall\[openai\]"') as caught:
            polycall.from_provider("openai/m", api_key="k")

        assert isinstance(caught.value.__cause__, ImportError)

    def test_the_responses_api_by_name(self, server: ChatServer) -> None:
        server.enqueue(reply_json(response(output_items(CALLS))))

        with polycall.from_provider("openai/gpt-5", api="responses", base_url=server.url, api_key="sk") as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES

        assert server.requests[0].path == "/responses"

    def test_the_responses_api_in_a_profile(
        self, server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MY_KEY", "sk")
        server.enqueue(reply_json(response(output_items(CALLS))))
        file = tmp_path / "polycall.toml"
        file.write_text(
            'default = "new"\n[profiles.new]\nprovider = "openai"\nmodel = "gpt-5"\napi = "responses"\n'
            f'base_url = "{server.url}"\napi_key_env = "MY_KEY"\nserver = "openai"\n'
            "server_options = { max_tools = 3 }\n"
        )

        with polycall.from_config(file) as client:
            assert list(client.create(MESSAGES, list[GoogleSearch])) == VALUES

        assert server.requests[0].json["tools"][0]["strict"] is True  # by the profile, whatever the host

    def test_settings_for_a_new_client_are_refused_with_a_finished_one(self, server: ChatServer) -> None:
        with server.client() as sdk, pytest.raises(polycall.ConfigurationError, match="base_url"):
            polycall.from_openai(sdk, base_url="http://elsewhere")

    def test_no_model_says_where_to_name_it(self, server: ChatServer) -> None:
        with server.client() as sdk, pytest.raises(polycall.ConfigurationError, match="from_provider"):
            polycall.from_openai(sdk).create(MESSAGES, list[GoogleSearch])


class TestByClient:
    @pytest.mark.parametrize("make", [openai.OpenAI, type("Mine", (openai.OpenAI,), {})])
    def test_a_client_and_its_subclasses_are_recognised(self, make: type[openai.OpenAI]) -> None:
        with make(api_key="k", http_client=openai.DefaultHttpxClient(verify=False)) as sdk:
            assert isinstance(polycall.from_client(sdk), polycall.Client)

    @pytest.mark.parametrize("thing", [openai, object(), httpx.Client, openai.OpenAI, "openai"])
    def test_nothing_else_is(self, thing: object) -> None:
        with pytest.raises(polycall.UnknownClientError):
            polycall.from_openai(thing)  # type: ignore[call-overload]

    async def test_an_async_client_gives_an_async_client(self, server: ChatServer) -> None:
        async with server.async_client() as sdk:
            assert isinstance(polycall.from_client(sdk), polycall.AsyncClient)

    @pytest.mark.parametrize("streamed", [False, True])
    def test_azure(self, server: ChatServer, streamed: bool) -> None:
        """The deployment of the client's URL stands for the model; the token is asked for at each request."""
        server.enqueue(reply_stream(sse(chunks(CALLS))) if streamed else reply_json(completion(CALLS)))
        tokens = iter(["one", "two"])
        with openai.AzureOpenAI(
            azure_endpoint=server.url,
            azure_deployment="my-deployment",
            api_version="2024-10-21",
            azure_ad_token_provider=lambda: next(tokens),
        ) as sdk:
            client = polycall.from_openai(sdk)
            assert client.model == "my-deployment"
            assert list(client.create(MESSAGES, list[GoogleSearch], stream=streamed)) == VALUES

        (request,) = server.requests
        assert request.path == "/openai/deployments/my-deployment/chat/completions"
        assert request.query == {"api-version": ["2024-10-21"]}
        assert request.headers["authorization"] == "Bearer one"

    async def test_async_azure(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)))
        async with openai.AsyncAzureOpenAI(azure_endpoint=server.url, api_version="2024-10-21", api_key="k") as sdk:
            calls = await polycall.from_openai(sdk).create(MESSAGES, list[GoogleSearch], model="gpt-4o")

        assert list(calls) == VALUES
        assert server.requests[0].path == "/openai/deployments/gpt-4o/chat/completions"


class TestOptions:
    async def test_options_of_the_request_go_into_the_body(self, server: ChatServer, way: Way) -> None:
        server.unknown_fields = True
        server.enqueue(way.reply(CALLS))

        await way.ask(
            temperature=0.1,
            parallel_tool_calls=True,
            seed=openai.NOT_GIVEN,
            top_k=40,
            extra_body={"min_p": 0.2},
            extra_headers={"x-trace": "t"},
            extra_query={"q": "1"},
            timeout=5,
        )

        (request,) = server.requests
        body = {key: request.json.get(key) for key in ("temperature", "parallel_tool_calls", "top_k", "min_p", "seed")}
        assert body == {"temperature": 0.1, "parallel_tool_calls": True, "top_k": 40, "min_p": 0.2, "seed": None}
        assert "seed" not in request.json
        assert request.headers["x-trace"] == "t"
        assert request.headers["x-stainless-read-timeout"] == "5"
        assert request.query == {"q": ["1"]}

    async def test_a_named_tool_is_chosen_by_name(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))

        await way.ask(tool_choice="GoogleSearch")

        assert server.bodies[0]["tool_choice"] == (
            {"type": "function", "name": "GoogleSearch"}
            if way.api == "responses"
            else {"type": "function", "function": {"name": "GoogleSearch"}}
        )

    async def test_strict_is_asked_of_every_tool(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))

        await way.ask(strict=True)

        assert [tool.get("function", tool)["strict"] for tool in server.bodies[0]["tools"]] == [True, True]

    @pytest.mark.parametrize("option", [{"tools": []}, {"functions": []}, {"n": 2}])
    def test_options_that_polycall_has_to_set_itself_are_refused(
        self, server: ChatServer, option: dict[str, Any]
    ) -> None:
        with server.client() as sdk, pytest.raises(polycall.ConfigurationError, match=next(iter(option))):
            polycall.from_openai(sdk).create(MESSAGES, list[GoogleSearch], model="m", **option)

    async def test_a_bare_text_is_the_users_words(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))

        await way.ask(messages=[*MESSAGES, "Hello"])

        assert way.conversation(0).texts[-1] == ("user", "Hello")

    @pytest.mark.parametrize("message", [("user", "Hello"), None])
    async def test_what_is_no_message_is_named(self, way: Way, message: object) -> None:
        with pytest.raises(polycall.MessageError, match=r"messages\[1\]: .* is n"):
            await way.ask(messages=[*MESSAGES, message])

    def test_messages_may_be_objects_of_the_sdk(self, server: ChatServer) -> None:
        server.unknown_fields = True  # the SDK gives back its empty `annotations`, too
        server.enqueue(reply_json(completion(CALLS)), reply_json(completion(CALLS, ids=["call_next"])))
        with server.client() as sdk:
            client = polycall.from_openai(sdk)
            first: Any = client.create(MESSAGES, list[GoogleSearch], model="m").raw_response
            answer = {"role": "tool", "tool_call_id": first.choices[0].message.tool_calls[0].id, "content": "ok"}
            client.create([*MESSAGES, first.choices[0].message, answer], list[GoogleSearch], model="m")

        assert server.bodies[1]["messages"][1]["tool_calls"] == completion(CALLS)["choices"][0]["message"]["tool_calls"]


class TestTheSdkStaysInForce:
    def test_the_raw_response_is_the_sdks_own_object(self, server: ChatServer) -> None:
        reply = reply_json(completion(CALLS), headers={"x-request-id": "req_1"})
        server.enqueue(reply, reply)
        with server.client() as sdk:
            raw: Any = polycall.from_openai(sdk).create(MESSAGES, list[GoogleSearch], model="m").raw_response
            own = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])

        assert raw == own
        assert type(raw) is type(own)
        assert raw._request_id == "req_1"

    async def test_hooks_of_the_http_client_run(self, server: ChatServer, way: Way) -> None:
        server.enqueue(way.reply(CALLS))
        seen: list[str] = []

        def note(request: Any) -> None:
            seen.append(request.url.path)

        async def note_async(request: Any) -> None:
            note(request)

        way.client_options["http_client"] = (
            openai.DefaultAsyncHttpxClient(verify=False, event_hooks={"request": [note_async]})
            if way.asynchronous
            else openai.DefaultHttpxClient(verify=False, event_hooks={"request": [note]})
        )

        await way.ask()

        assert seen == [way.path]


class TestPatchedClients:
    """As instrumentation libraries do it: the wrapper must see a normal call of ``create``, and its result."""

    async def test_the_wrapper_of_create_sees_the_call(self, server: ChatServer, way: Way) -> None:
        server.unknown_fields = True
        server.enqueue(
            way.reply([*CALLS, ("GoogleSearch", {"query": 1})]), way.reply([("GoogleSearch", {"query": "1"})])
        )
        spans: list[dict[str, Any]] = []

        def instrument(client: Any) -> None:
            create = way.resource(client).create

            @functools.wraps(create)
            def traced(**arguments: Any) -> Any:
                spans.append(arguments)
                return create(**arguments)

            way.resource(client).create = traced

        way.patch = instrument

        calls = await way.ask(list[GoogleSearch], temperature=0, top_k=40, timeout=5, extra_headers={"x-trace": "t"})

        assert [call.query for call in calls] == ["a", "1"]
        assert [len(span.get("messages") or span["input"]) for span in spans] == [1, 4 if way.api == "chat" else 5]
        assert spans[0]["extra_body"] == {"top_k": 40}
        assert server.requests[0].json["top_k"] == 40
        assert server.requests[0].headers["x-trace"] == "t"
        assert "x-stainless-raw-response" not in server.requests[0].headers
        if not way.streamed:
            assert type(calls.raw_response).__name__ == ("ChatCompletion" if way.api == "chat" else "Response")

    async def test_what_others_send_is_understood_there_too(self, server: ChatServer, way: Way) -> None:
        """A wrapper for parallel calls (OpenAI community, thread 490653), maki#505, vllm#54964, rhesis#2488."""
        wrapper = {"tool_uses": [{"recipient_name": "functions.GoogleSearch", "parameters": {"query": "wrapped"}}]}
        server.enqueue(
            way.reply(
                [
                    ("multi_tool_use.parallel", wrapper),
                    ("functions.GoogleSearch", {"query": "prefixed"}),
                    ("GoogleSearch", '"{\\"query\\": \\"twice\\"}"'),
                    ("GoogleSearch", '{"query": "a\nb"}'),
                ]
            )
        )
        seen: list[str] = []

        def instrument(client: Any) -> None:
            create = way.resource(client).create

            def traced(**arguments: Any) -> Any:
                seen.append("create")
                return create(**arguments)

            way.resource(client).create = traced

        way.patch = instrument

        assert [call.query for call in await way.ask(list[GoogleSearch])] == ["wrapped", "prefixed", "twice", "a\nb"]
        assert seen == ["create"]

    async def test_a_reply_that_is_no_json_is_a_response_error_there_too(self, server: ChatServer, way: Way) -> None:
        way.patch = lambda client: setattr(client, "post", functools.partial(client.post))
        for fault in ("html", "broken json", "invalid utf-8"):
            server.enqueue(FAULTS[fault])
            # Of a stream that is no stream the SDK says nothing: it just ends.
            with pytest.raises((polycall.ResponseError, polycall.IncompleteOutputError)):
                await way.ask()

    def test_a_wrapper_of_the_other_api_does_not_matter(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)))
        with server.client() as sdk:
            sdk.responses.create = None  # type: ignore[method-assign, assignment]
            polycall.from_openai(sdk).create(MESSAGES, list[GoogleSearch], model="m")

        assert "x-stainless-raw-response" in server.requests[0].headers

    def test_a_client_that_is_patched_later_is_respected_from_then_on(self, server: ChatServer) -> None:
        server.enqueue(reply_json(completion(CALLS)), reply_json(completion(CALLS)))
        with server.client() as sdk:
            client = polycall.from_openai(sdk)
            client.create(MESSAGES, list[GoogleSearch], model="m")
            seen: list[str] = []
            request = sdk.request

            def traced(*arguments: Any, **named: Any) -> Any:
                seen.append("request")
                return request(*arguments, **named)

            sdk.request = traced  # type: ignore[method-assign]
            client.create(MESSAGES, list[GoogleSearch], model="m")

        assert seen == ["request"]

    def test_leaving_a_stream_leaves_the_wrappers_stream(self, server: ChatServer) -> None:
        """Some wrappers end their span in ``__exit__`` only."""
        server.enqueue(reply_stream(sse(chunks([*CALLS, *CALLS]))))
        left: list[str] = []

        class TracedStream:
            def __init__(self, stream: Any) -> None:
                self.response = stream.response
                self._stream = stream

            def __iter__(self) -> Any:
                return iter(self._stream)

            def __exit__(self, *error: object) -> None:
                left.append("span")

        with server.client() as sdk:
            create = sdk.chat.completions.create
            completions: Any = sdk.chat.completions
            completions.create = lambda **named: TracedStream(create(**named))
            with polycall.from_openai(sdk).stream(MESSAGES, list[GoogleSearch], "m") as stream:
                next(stream)
            assert server.requests[0].client_closed.wait(10)

        assert left == ["span"]


class Place(BaseModel):
    name: str


def test_each_request_is_json_that_says_what_was_asked(server: ChatServer) -> None:
    server.enqueue(reply_json(completion([("Place", {"name": "Zürich"})])))
    with server.client() as sdk:
        polycall.from_openai(sdk).create([{"role": "user", "content": "Zürich 🏔"}], list[Place], model="m")

    assert json.loads(server.requests[0].body)["messages"] == [{"role": "user", "content": "Zürich 🏔"}]
