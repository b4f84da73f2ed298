"""One module per row of the table; ``python -m benchmarks.rows.NAME`` prints its results, one JSON object a line."""
