"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

from support.authorities import trust_no_authority

# The gate runs the same examples each time, so that what lands does not depend on luck; everybody else's runs go on
# looking for new ones.
settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("gate")

trust_no_authority()
