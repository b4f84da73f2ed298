"""Certificate authorities: none of those that a machine trusts signs anything for the servers of the tests.

An SDK's client reads all of them when it is made, which takes 20 ms and more. The tests make thousands of clients.
"""

from __future__ import annotations

import os
from pathlib import Path

_VARIABLE = "SSL_CERT_FILE"
_KEPT = "SSL_CERT_FILE_OF_THE_MACHINE"  # in the environment, as the workers of a parallel run are children
_ONE_AUTHORITY = str(Path(__file__).with_name("authority.pem"))  # made for the tests; nobody has its key


def trust_no_authority() -> None:
    """Let the clients that this process and its children make read one authority in place of all."""
    if os.environ.get(_VARIABLE) != _ONE_AUTHORITY:
        os.environ[_KEPT] = os.environ.get(_VARIABLE, "")
        os.environ[_VARIABLE] = _ONE_AUTHORITY


def trusting_the_machines(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a child that goes to a package registry: with the authorities that the machine trusts."""
    others = {name: value for name, value in environment.items() if name not in (_VARIABLE, _KEPT)}
    return {**others, _VARIABLE: environment[_KEPT]} if environment.get(_KEPT) else others
