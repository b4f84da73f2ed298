"""How fast polycall is beside the SDKs and other libraries: ``python -m benchmarks``. See docs/benchmarks.md."""
