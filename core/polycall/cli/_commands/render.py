"""``polycall render``: what ``call`` would send, and nothing is sent."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import polycall
from polycall.cli._examples import MODEL, OTHER_MODEL
from polycall.cli._help import examples, make_app
from polycall.cli._input import parameters as given
from polycall.cli._input.asking import Asking
from polycall.cli._input.target import Target
from polycall.cli._output.json_text import plain, print_json
from polycall.cli._output.progress import waiting
from polycall.cli._output.terminal import styled

app = make_app()

_PLACEHOLDER = "..."
_NO_KEY_VARIABLE = "POLYCALL_RENDER_WITHOUT_KEY"


@app.command(
    epilog=examples(
        "polycall render --tools app.models",
        f"polycall render --tools app.models --provider {OTHER_MODEL} -s project=p",
        f'polycall render --schema tools.json --provider {MODEL} "weather in Rome"',
        "polycall render -p fast --tools app.models --stream | jq .body.tools",
    )
)
def render(
    prompt: given.Prompt = None,
    tools: given.Tools = None,
    schema: given.Schema = None,
    system: given.System = None,
    messages: given.Messages = None,
    tool_choice: given.ToolChoice = "required",
    option: given.Options = None,
    strict: given.Strict = None,
    profile: given.Profile = None,
    provider: given.ProviderName = None,
    config: given.ConfigFile = None,
    model: given.Model = None,
    setting: given.Settings = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="As for a streamed reply.", rich_help_panel=given.OUTPUT)
    ] = False,
) -> None:
    """Show the request that 'call' would send, without sending it.

    JSON with method, url, headers (secrets as ***), body and adaptations: changes that were made so that the provider
    can take the request. Needs no key. Without a prompt the user's words are "...".
    """
    target = Target.read(profile=profile, provider=provider, config=config, model=model, settings=setting or ())
    asking = Asking.read(
        prompt=prompt,
        system=system,
        messages=messages,
        tools=tools or (),
        schemas=schema or (),
        tool_choice=tool_choice,
        options=option or (),
        placeholder=_PLACEHOLDER,
    )
    with waiting(f"Preparing {target.name}"):
        client, has_key = _make_client(target)
    with client:
        request = client.render(
            asking.messages,
            asking.tools,
            stream=stream,
            tool_choice=asking.tool_choice,
            strict=strict,
            **asking.options,
        )
    if not has_key:
        sys.stderr.write(styled("No key is set; the request is shown as if one were.\n", "dim", sys.stderr))
    print_json(
        {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": request.body,
            "adaptations": [plain(one) for one in request.adaptations],
        }
    )


def _make_client(target: Target) -> tuple[polycall.Client, bool]:
    """Make the client; a key that is missing is made up, as nothing is sent. Whether it has a key of its own."""
    try:
        return target.make_client(), True
    except (polycall.ProviderNotFoundError, polycall.PluginError):
        raise
    except Exception as error:  # noqa: BLE001  # raised again, unless a key was all that it lacked
        key = (getattr(error, "key", None) or "").rpartition(".")[2]
        os.environ[_NO_KEY_VARIABLE] = "no-key"
        try:
            return target.make_client(**{key if key.endswith("_env") else "api_key_env": _NO_KEY_VARIABLE}), False
        except Exception:  # noqa: BLE001  # a key was not what it lacked
            raise error from None
