"""Doubles for applications, and a contract checker for plugins: ``pip install "polycall[testing]"``."""
