"""`polycall.kind_of`: each exception class of each SDK, causes, groups, and which plugins are asked."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import google.api_core.exceptions
import google.auth.exceptions
import google.genai.errors
import grpc
import httpx
import httpx2
import openai
import pytest
import requests.exceptions
from unit.core.conftest import Provide

import polycall
from polycall import kind_of
from polycall.plugin import hookimpl
from polycall.testing.contract import ContractViolation, checked

OPENAI: Mapping[str, polycall.ErrorKind | None] = {
    "APIConnectionError": "connection",
    "APIError": "server",
    "APIResponseValidationError": "server",
    "APIStatusError": "server",
    "APITimeoutError": "timeout",
    "AuthenticationError": "auth",
    "BadRequestError": "bad_request",
    "ConflictError": "bad_request",
    "ContentFilterFinishReasonError": None,
    "InternalServerError": "server",
    "InvalidWebhookSignatureError": None,
    "LengthFinishReasonError": None,
    "NotFoundError": "bad_request",
    "OAuthError": "auth",
    "OpenAIError": None,
    "PermissionDeniedError": "auth",
    "RateLimitError": "rate_limit",
    "SubjectTokenProviderError": "auth",
    "UnprocessableEntityError": "bad_request",
    "WebSocketConnectionClosedError": "connection",
    "WebSocketQueueFullError": None,
}
GENAI: Mapping[str, polycall.ErrorKind | None] = {
    "APIError": None,  # it has a code, in all that the SDK raises
    "ClientError": None,
    "ContinuationInterruptedError": None,
    "FunctionInvocationError": None,
    "ServerError": None,
    "UnknownApiResponseError": "server",
    "UnknownFunctionCallArgumentError": None,
    "UnsupportedFunctionError": None,
}
API_CORE: Mapping[str, polycall.ErrorKind | None] = {
    "Aborted": "bad_request",
    "AlreadyExists": "bad_request",
    "AsyncRestUnsupportedParameterError": None,
    "BadGateway": "server",
    "BadRequest": "bad_request",
    "Cancelled": None,
    "ClientError": None,
    "Conflict": "bad_request",
    "DataLoss": "server",
    "DeadlineExceeded": "timeout",
    "DuplicateCredentialArgs": None,
    "FailedPrecondition": "bad_request",
    "Forbidden": "auth",
    "GatewayTimeout": "timeout",
    "GoogleAPICallError": None,
    "GoogleAPIError": None,
    "InternalServerError": "server",
    "InvalidArgument": "bad_request",
    "LengthRequired": "bad_request",
    "MethodNotAllowed": "bad_request",
    "MethodNotImplemented": "server",
    "MissingStatusHeaderError": None,
    "MovedPermanently": None,
    "NotFound": "bad_request",
    "NotModified": None,
    "OutOfRange": "bad_request",
    "PermissionDenied": "auth",
    "PreconditionFailed": "bad_request",
    "Redirection": None,
    "RequestRangeNotSatisfiable": "bad_request",
    "ResourceExhausted": "rate_limit",
    "ResumableTransferError": None,
    "ResumeIncomplete": None,
    "RetryError": "timeout",
    "ServerError": None,
    "ServiceUnavailable": "server",
    "TemporaryRedirect": None,
    "TooManyRequests": "rate_limit",
    "TransferStalledError": None,
    "Unauthenticated": "auth",
    "Unauthorized": "auth",
    "Unknown": "server",
    "UnseekableStreamError": None,
    "UploadCancelledError": None,
}
GOOGLE_AUTH: Mapping[str, polycall.ErrorKind | None] = {
    "ClientCertError": "auth",
    "DefaultCredentialsError": "auth",
    "GoogleAuthError": "auth",
    "InvalidOperation": "auth",
    "InvalidResource": "auth",
    "InvalidType": "auth",
    "InvalidValue": "auth",
    "MalformedError": "auth",
    "MutualTLSChannelError": "auth",
    "OAuthError": "auth",
    "OSError": "auth",
    "ReauthFailError": "auth",
    "ReauthSamlChallengeFailError": "auth",
    "RefreshError": "auth",
    "ResponseError": "server",
    "TimeoutError": "timeout",
    "TransportError": "connection",
    "UserAccessTokenError": "auth",
}
HTTPX: Mapping[str, polycall.ErrorKind | None] = {
    "CloseError": "connection",
    "ConnectError": "connection",
    "ConnectTimeout": "timeout",
    "CookieConflict": None,
    "DecodingError": "connection",
    "HTTPError": None,
    "HTTPStatusError": None,
    "InvalidURL": "bad_request",
    "LocalProtocolError": "bad_request",
    "NetworkError": "connection",
    "PoolTimeout": "timeout",
    "ProtocolError": "connection",
    "ProxyError": "connection",
    "ReadError": "connection",
    "ReadTimeout": "timeout",
    "RemoteProtocolError": "connection",
    "RequestError": None,
    "RequestNotRead": "connection",
    "ResponseNotRead": "connection",
    "SSEError": "connection",
    "StreamClosed": "connection",
    "StreamConsumed": "connection",
    "StreamError": "connection",
    "TimeoutException": "timeout",
    "TooManyRedirects": "bad_request",
    "TransportError": "connection",
    "UnsupportedProtocol": "bad_request",
    "WriteError": "connection",
    "WriteTimeout": "timeout",
}
REQUESTS: Mapping[str, polycall.ErrorKind | None] = {
    "ChunkedEncodingError": "connection",
    "ConnectTimeout": "timeout",
    "ConnectionError": "connection",
    "ContentDecodingError": "connection",
    "HTTPError": None,
    "InvalidHeader": "bad_request",
    "InvalidJSONError": None,
    "InvalidProxyURL": "bad_request",
    "InvalidSchema": "bad_request",
    "InvalidURL": "bad_request",
    "JSONDecodeError": None,
    "MissingSchema": "bad_request",
    "ProxyError": "connection",
    "ReadTimeout": "timeout",
    "RequestException": None,
    "RetryError": "server",
    "SSLError": "connection",
    "StreamConsumedError": None,
    "Timeout": "timeout",
    "TooManyRedirects": None,
    "URLRequired": None,
    "UnrewindableBodyError": None,
}


def classes(module: ModuleType) -> dict[str, type[Exception]]:
    """The exception classes that a package defines and shows."""
    package = module.__name__.partition(".")[0]
    return {
        name: one
        for name, one in vars(module).items()
        if inspect.isclass(one)
        and issubclass(one, Exception)
        and not issubclass(one, Warning)
        and not name.startswith("_")
        and one.__module__.partition(".")[0] == package
    }


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        (openai._exceptions, OPENAI),
        (google.genai.errors, GENAI),
        (google.api_core.exceptions, API_CORE),
        (google.auth.exceptions, GOOGLE_AUTH),
        (httpx, HTTPX),
        (httpx2, HTTPX),
        (requests.exceptions, REQUESTS),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else "",
)
def test_each_exception_class_of_an_sdk(module: ModuleType, kinds: Mapping[str, polycall.ErrorKind | None]) -> None:
    """A version of an SDK that adds a class turns this red; one that lacks a class does not."""
    found = {name: kind_of(class_.__new__(class_)) for name, class_ in classes(module).items()}

    assert found == {name: kinds.get(name, "unknown to this test") for name in found}
    assert len(found) > len(kinds) // 2


class TestOfOpenAI:
    def test_a_missing_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        monkeypatch.delenv("OPENAI_ADMIN_KEY", raising=False)
        with pytest.raises(openai.OpenAIError) as raised:
            openai.OpenAI()

        assert kind_of(raised.value) == "auth"

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"code": "rate_limit_exceeded"}, "rate_limit"),
            ({"type": "insufficient_quota"}, "rate_limit"),
            ({"type": "server_error", "code": None}, "server"),
            ({"code": "invalid_api_key"}, "auth"),
            ({"code": "429"}, "rate_limit"),
            ({"code": "of their own"}, "server"),
        ],
    )
    def test_an_error_event_of_a_stream(self, body: dict[str, object], expected: str) -> None:
        """The SDK's APIError, which has no status."""
        request = httpx2.Request("POST", "http://local")

        assert kind_of(openai.APIError("no", request, body=body)) == expected

    def test_a_key_that_geminis_endpoint_does_not_know(self) -> None:
        body = [{"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}]
        response = httpx2.Response(400, request=httpx2.Request("POST", "http://local"))

        assert kind_of(openai.BadRequestError("no", response=response, body=body)) == "auth"


class TestOfGoogle:
    @pytest.mark.parametrize(("code", "expected"), [(400, "bad_request"), (403, "auth"), (429, "rate_limit")])
    def test_an_error_with_a_code(self, code: int, expected: str) -> None:
        assert kind_of(google.genai.errors.ClientError(code, {})) == expected

    def test_retries_that_were_used_up(self) -> None:
        exceptions: Any = google.api_core.exceptions
        error = exceptions.RetryError("too long", exceptions.ResourceExhausted("slow"))

        assert kind_of(error) == "rate_limit"

    def test_a_token_that_googles_service_failed_to_give(self) -> None:
        failed: Any = google.auth.exceptions.RefreshError

        assert kind_of(failed("no", retryable=True)) == "server"
        assert kind_of(failed("no")) == "auth"

    @pytest.mark.parametrize(
        ("code", "details", "expected"),
        [
            (grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses", "connection"),
            (grpc.StatusCode.UNAVAILABLE, "The service is overloaded", "server"),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, "slow", "rate_limit"),
        ],
    )
    def test_an_error_of_grpc_that_nobody_wrapped(self, code: grpc.StatusCode, details: str, expected: str) -> None:
        error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details, None)

        assert kind_of(error) == expected


class TestOfPythonAndOthers:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (TimeoutError(), "timeout"),
            (ConnectionRefusedError(), "connection"),
            (BrokenPipeError(), "connection"),
            (socket.gaierror(-2, "unknown"), "connection"),
            (OSError(101, "Network is unreachable"), "connection"),
            (ssl.SSLCertVerificationError("bad"), "connection"),
            (FileNotFoundError(), None),
            (KeyError("x"), None),
            (KeyboardInterrupt(), None),
            (asyncio.CancelledError(), None),
        ],
        ids=repr,
    )
    def test_an_error_of_python(self, error: BaseException, expected: str | None) -> None:
        assert kind_of(error) == expected

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (("ClientConnectorError", "ClientOSError", "ClientConnectionError"), "connection"),
            (("SocketTimeoutError", "ServerTimeoutError", "ClientConnectionError"), "timeout"),
            (("ClientPayloadError", "ClientError"), "connection"),
            (("InvalidUrlClientError", "InvalidURL", "ClientError"), "bad_request"),
            (("ContentTypeError", "ClientResponseError", "ClientError"), None),
        ],
    )
    def test_an_error_of_aiohttp(self, names: tuple[str, ...], expected: str | None) -> None:
        """Which google-genai takes for async where it is installed; here it is not."""
        base: type[Exception] = Exception
        for name in reversed(names):
            base = type(name, (base,), {"__module__": "aiohttp.client_exceptions"})

        assert kind_of(base()) == expected

    def test_an_sdk_without_a_plugin_that_leaves_the_status_on_its_errors(self) -> None:
        class StrangeError(Exception):
            status_code = 429

        assert kind_of(StrangeError()) == "rate_limit"


class TestOfPolycall:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (polycall.ConfigurationError("x"), "bad_request"),
            (polycall.MessageError("x"), "bad_request"),
            (polycall.SchemaError("A.f", "x"), "bad_request"),
            (polycall.ResponseModelError("x"), "bad_request"),
            (polycall.ResponseError("x"), "server"),
            (polycall.ResponseError("x", kind="rate_limit"), "rate_limit"),
            (polycall.RefusalError("x"), None),
            (polycall.NoToolCallsError(calls=polycall.Calls([])), None),
            (polycall.IncompleteOutputError("x"), None),
            (polycall.PluginError("x", plugin="p"), None),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_its_own_errors(self, error: Exception, expected: str | None) -> None:
        assert kind_of(error) == expected

    @pytest.mark.parametrize("outer", [polycall.IncompleteOutputError("x"), polycall.ResponseError("x"), ValueError()])
    def test_the_cause_counts(self, outer: Exception) -> None:
        outer.__cause__ = RuntimeError()
        outer.__cause__.__cause__ = httpx.ReadError("cut")

        assert kind_of(outer) == "connection"

    def test_a_cause_of_itself_ends(self) -> None:
        one, other = ValueError(), ValueError()
        one.__cause__, other.__cause__ = other, one

        assert kind_of(one) is None

    def test_a_group_is_of_the_kind_that_all_have(self) -> None:
        slow, refused = TimeoutError(), ConnectionRefusedError()

        assert kind_of(ExceptionGroup("tasks", [slow, ExceptionGroup("more", [TimeoutError()])])) == "timeout"
        assert kind_of(ExceptionGroup("tasks", [slow, refused])) is None


class ToyError(Exception):
    """What the toy provider's SDK would raise."""


class TestTheHook:
    def answer(self, provide: Provide, answer: Any) -> None:
        @hookimpl
        def polycall_error_kind(error: Exception) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(error, ToyError) else None

        provide("answering", polycall_error_kind=polycall_error_kind)

    def test_its_answer_counts(self, provide: Provide) -> None:
        assert kind_of(ToyError()) is None
        self.answer(provide, "rate_limit")

        assert kind_of(ToyError()) == "rate_limit"
        assert kind_of(ValueError()) is None

    @pytest.mark.parametrize("answer", ["slow", 5, RuntimeError("no")])
    def test_a_fault_of_the_plugin_is_logged_and_not_raised(
        self, provide: Provide, caplog: pytest.LogCaptureFixture, answer: Any
    ) -> None:
        self.answer(provide, answer)
        with caplog.at_level(logging.WARNING, "polycall.plugins"):
            assert kind_of(ToyError()) is None

        assert "'answering'" in caplog.text
        assert "polycall_error_kind" in caplog.text

    def test_the_contract_checker_refuses_another_word(self, provide: Provide) -> None:
        with pytest.raises(ContractViolation) as raised, checked():
            self.answer(provide, "slow")
            kind_of(ToyError())

        assert (raised.value.rule, raised.value.hook) == ("result-type", "polycall_error_kind")


PROGRAM = """
import json, sys
import polycall
{imports}

kind = polycall.kind_of({error})
print(json.dumps([kind, sorted(name for name in sys.modules if name in {watched})]))
"""
WATCHED = ("polycall_openai", "polycall_vertex", "polycall_llamacpp")


@pytest.mark.parametrize(
    ("imports", "error", "expected"),
    [
        ("", "ValueError()", [None, []]),
        ("", "TimeoutError()", ["timeout", []]),
        ("import httpx", "httpx.ReadTimeout('x')", ["timeout", []]),
        ("", "type('MyError', (Exception,), {'__module__': 'my.app'})()", [None, []]),
        ("import openai", "openai.RateLimitError.__new__(openai.RateLimitError)", ["rate_limit", ["polycall_openai"]]),
        (
            "from google.genai import errors",
            "errors.ServerError(503, {})",
            ["server", ["polycall_vertex"]],
        ),
    ],
)
def test_only_the_plugin_of_the_exceptions_sdk_is_loaded(imports: str, error: str, expected: list[object]) -> None:
    program = PROGRAM.format(imports=imports, error=error, watched=WATCHED)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(result.stdout) == expected
