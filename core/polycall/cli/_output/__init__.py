"""How results are shown: on a terminal, and to programs."""
