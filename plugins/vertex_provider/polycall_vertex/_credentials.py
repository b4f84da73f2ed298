"""Credentials out of a file that a setting names, and the next step where Google's library finds none."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from polycall.plugin import ConfigurationError

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_KEY = "credentials_file"
NEXT_STEP = (
    "Name a service account's key with credentials_file=..., run 'gcloud auth application-default login', or pass "
    'credentials=. In a config file: credentials_file = "PATH".'
)


def load_credentials(path: str) -> tuple[Any, str | None]:
    """Load credentials and the project that they belong to.

    Args:
        path: A service account's key, or another file of credentials that ``google.auth`` reads; ``~`` is the home
            directory.

    Raises:
        ConfigurationError: The file cannot be read, or is not a file of credentials. Nothing of it is shown.
    """
    info = _read(path)
    try:
        return _credentials(info), info.get("project_id") or None
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001  # each kind of file has a library of its own behind it
        # Not chained: the text of some of these errors holds parts of the file.
        raise ConfigurationError(
            f"the credentials file {path[:200]!r} holds no usable credentials ({type(error).__name__}).",
            key=_KEY,
        ) from None


def note_next_step(error: Exception) -> None:
    """Say on an error of Google's library about missing credentials where they can be named."""
    if type(error).__name__ == "DefaultCredentialsError" and NEXT_STEP not in getattr(error, "__notes__", ()):
        error.add_note(NEXT_STEP)


def check_environment() -> None:
    """Refuse a variable of Google's that names no file of credentials: each call would fail with a long traceback.

    Raises:
        ConfigurationError: It does not.
    """
    path = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if path and not Path(path).is_file():
        raise ConfigurationError(
            f"The environment variable GOOGLE_APPLICATION_CREDENTIALS names {path[:200]!r}, which is not a file. "
            "Correct or unset it, or name the file with credentials_file=....",
            key=_KEY,
        )


def _read(path: str) -> dict[str, Any]:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"the credentials file {path[:200]!r} cannot be read: {reason}.", key=_KEY) from None
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict) or not isinstance(info.get("type"), str):
        raise ConfigurationError(
            f'the credentials file {path[:200]!r} is not one of Google: JSON with a key "type".', key=_KEY
        )
    return info


def _credentials(info: dict[str, Any]) -> Any:
    if info["type"] == "service_account":
        from google.oauth2 import service_account

        return service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)  # type: ignore[no-untyped-call]
    if info["type"] == "authorized_user":
        from google.oauth2.credentials import Credentials

        return Credentials.from_authorized_user_info(info, scopes=_SCOPES)  # type: ignore[no-untyped-call]
    from google.auth import load_credentials_from_dict

    with warnings.catch_warnings():
        # It warns of files of strangers, which may name a command to run; this one the user has named.
        warnings.simplefilter("ignore", DeprecationWarning)
        return load_credentials_from_dict(info, scopes=_SCOPES)[0]  # type: ignore[no-untyped-call]
