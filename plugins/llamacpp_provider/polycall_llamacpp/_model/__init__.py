"""A loaded model: its file, its server and threads, its abilities, and single requests to it."""
