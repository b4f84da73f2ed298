"""The error for a script and an application that do not fit."""

from __future__ import annotations


class ScriptError(AssertionError):
    """The application asked more often, or less often, than the script has replies; or a reply cannot be given."""
