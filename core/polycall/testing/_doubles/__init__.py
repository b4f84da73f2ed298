"""Doubles for the tests of applications: a provider that follows a script, with everything else real."""
