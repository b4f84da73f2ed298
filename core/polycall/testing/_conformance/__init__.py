"""The conformance kit's parts; `polycall.testing.conformance` is its door."""
