"""Every test may use the fixtures of tests/harness/fixtures.py, those in a channel's folder too."""

pytest_plugins = ("harness.fixtures",)
