"""``python -m benchmarks.evaluation``; see `benchmarks.evaluation.evaluate`."""

from __future__ import annotations

from benchmarks.evaluation.evaluate import main

if __name__ == "__main__":
    main()
