"""``python -m polycall`` is the command ``polycall``."""

from __future__ import annotations

import sys

from polycall.cli import main

if __name__ == "__main__":
    sys.exit(main())
