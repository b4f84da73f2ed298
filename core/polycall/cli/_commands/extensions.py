"""``polycall extensions``: which are installed."""

from __future__ import annotations

from polycall._plugins.discovery import EXTENSION_GROUP
from polycall.cli._help import examples, make_app
from polycall.cli._input.parameters import AsJson
from polycall.cli._output.plugins import print_plugins

app = make_app()


@app.command(epilog=examples("polycall extensions", "POLYCALL_EXTENSIONS=audit polycall extensions"))
def extensions(as_json: AsJson = False) -> None:
    """List the installed extensions, without importing one."""
    print_plugins(EXTENSION_GROUP, as_json=as_json)
