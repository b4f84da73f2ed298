"""``polycall call``: ask a model, and see its calls."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

import polycall
from polycall.cli._errors import CommandError
from polycall.cli._examples import MODEL
from polycall.cli._help import examples, make_app
from polycall.cli._input import parameters as given
from polycall.cli._input.asking import Asking
from polycall.cli._input.target import Target
from polycall.cli._output.calls import Shown, make_display, print_summary, reply_data
from polycall.cli._output.json_text import json_text, print_json
from polycall.cli._output.progress import waiting

app = make_app()

_LEAVE_OUT = "Leave one of them out."


@app.command(
    epilog=examples(
        'polycall call -p fast --tools app.models "weather in Rome and Oslo"',
        'polycall call --tools app.models:Weather --stream "weather in Rome and Oslo"',
        "git diff | polycall call --tools review.py --system 'Report each bug'",
        f'polycall call --provider {MODEL} --schema tools.json -o seed=1 "hello"',
        'polycall call --tools app.models "weather in Rome" | jq .arguments',
    )
)
def call(
    prompt: given.Prompt = None,
    tools: given.Tools = None,
    schema: given.Schema = None,
    system: given.System = None,
    messages: given.Messages = None,
    tool_choice: given.ToolChoice = "required",
    option: given.Options = None,
    strict: given.Strict = None,
    max_retries: Annotated[
        int,
        typer.Option(
            "--max-retries", metavar="NUMBER", help="Corrections to ask of the model.", rich_help_panel=given.ASKING
        ),
    ] = 2,
    max_calls: Annotated[
        int | None,
        typer.Option(
            "--max-calls",
            metavar="NUMBER",
            help="Use this many calls.",
            rich_help_panel=given.ASKING,
            show_default="all",
        ),
    ] = None,
    profile: given.Profile = None,
    provider: given.ProviderName = None,
    config: given.ConfigFile = None,
    model: given.Model = None,
    setting: given.Settings = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Show each call as soon as it is complete.", rich_help_panel=given.OUTPUT)
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="The whole reply as one JSON object.", rich_help_panel=given.OUTPUT),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The provider's own response, as JSON.", rich_help_panel=given.OUTPUT)
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="No text and no token counts on stderr.", rich_help_panel=given.OUTPUT),
    ] = False,
) -> None:
    """Ask a model and show its tool calls.

    A table on a terminal, else one JSON object per line: {"tool", "arguments", "id"}. The model's words and the token
    counts go to standard error.
    """
    if stream and (as_json or raw):
        raise CommandError(f"--stream and {'--json' if as_json else '--raw'} exclude each other.", hint=_LEAVE_OUT)
    if as_json and raw:
        raise CommandError("--json and --raw exclude each other.", hint=_LEAVE_OUT)
    target = Target.read(profile=profile, provider=provider, config=config, model=model, settings=setting or ())
    asking = Asking.read(
        prompt=prompt,
        system=system,
        messages=messages,
        tools=tools or (),
        schemas=schema or (),
        tool_choice=tool_choice,
        options=option or (),
    )
    arguments: dict[str, Any] = {
        "max_retries": max_retries,
        "tool_choice": asking.tool_choice,
        "strict": strict,
        "max_calls": max_calls,
        **asking.options,
    }
    with waiting(f"Preparing {target.name}"):
        client = target.make_client()
    with client:
        display = make_display(asking.tool_names, timed=stream)
        started = time.perf_counter()
        try:
            if stream:
                calls = _streamed(client, asking, arguments, display)
            else:
                with waiting(f"Asking {client.model or client.provider}"):
                    calls = client.create(asking.messages, asking.tools, **arguments)
        except Exception as error:
            if not stream:
                _show_good_ones(error, display, as_json=as_json)
            raise
        if raw:
            print_json(_raw(calls))
        elif as_json:
            print_json(reply_data(calls))
        elif not stream:
            _show_all(calls, display)
        if not (quiet or raw or as_json):
            print_summary(calls, time.perf_counter() - started)


def _streamed(
    client: polycall.Client, asking: Asking, arguments: dict[str, Any], display: Shown
) -> polycall.Calls[object]:
    """Show each call as it comes."""
    with (
        client.stream(asking.messages, asking.tools, **arguments) as calls,
        waiting(f"Asking {client.model or client.provider}") as spinner,
    ):
        for event in calls.events():
            if isinstance(event, polycall.CallReady):
                with spinner.hidden():
                    display.show(event.tool_call, event.value)
        return calls.calls


def _show_all(calls: polycall.Calls[object], display: Shown) -> None:
    for call, value in zip(calls.tool_calls, calls, strict=True):
        display.show(call, value)


def _show_good_ones(error: Exception, display: Shown, *, as_json: bool) -> None:
    """Nothing is lost: an error has the calls that were good."""
    good = getattr(error, "calls", None) if isinstance(error, polycall.OutputError) else None
    if good is None:
        good = getattr(error, "polycall_calls", None)
    if isinstance(good, polycall.Calls) and len(good):
        if as_json:
            sys.stdout.write(f"{json_text(reply_data(good), indent=2)}\n")
        else:
            _show_all(good, display)


def _raw(calls: polycall.Calls[object]) -> object:
    response = calls.raw_response
    if response is None:
        raise CommandError("This provider keeps no raw response.", hint="--json shows the whole reply.")
    return response
