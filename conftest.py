"""Every test may use the fixtures of tests/harness/fixtures.py, those in a channel's folder too."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a busy machine is not a fault of what is tested

pytest_plugins = ("harness.fixtures",)

# The files that take longest begin first, so that no worker is left alone with one of them at the end.
LONG = (
    "test_desk_pages", "test_code", "test_kill_short", "test_widget", "test_shop", "test_bot_stories", "test_triage",
    "test_whole_stories", "test_ai_retrieval", "test_cli", "test_followups", "test_mail_trials", "test_forecast_page",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: n for n, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))
