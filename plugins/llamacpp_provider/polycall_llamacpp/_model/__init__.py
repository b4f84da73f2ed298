"""A loaded model: its file, its server and threads, what it can do, and single requests to it."""
