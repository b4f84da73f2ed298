"""Where the time goes: the report, and the process that the profiler looks at."""
