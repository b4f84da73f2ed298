"""Lists of installed plugins."""

from __future__ import annotations

import sys
import textwrap

from polycall.cli._examples import INSTALL
from polycall.cli._installed import allowed_text, installed, kind_of_group
from polycall.cli._output.columns import print_columns
from polycall.cli._output.terminal import width


def print_plugins(group: str, *, as_json: bool) -> None:
    """List the plugins of a group, from metadata alone."""
    found = installed(group)
    if as_json:
        from polycall.cli._output.json_text import print_json

        print_json([one.as_data() for one in found])
        return
    if not found:
        kind = kind_of_group(group)
        install = f" Install one: {INSTALL}" if kind == "provider" else ""
        sys.stderr.write(f"No {kind} is installed.{install}\n")
        return
    print_columns(
        ("NAME", "DISTRIBUTION", "SDK", "ALLOWED"),
        [(one.plugin.name, one.plugin.distribution_text, one.sdk_text, allowed_text(one, group)) for one in found],
    )
    for one in found:
        if one.servers:
            names = f"{one.plugin.name} goes by the names of servers, too: {', '.join(one.servers)}"
            sys.stdout.write("\n" + "\n".join(textwrap.wrap(names, width())) + "\n")
