"""All scenarios, in the order of the table."""

from tests.chaos.scenario import Scenario
from tests.chaos.scenarios import (
    accounts,
    broker,
    budgets,
    callbacks,
    clean,
    crashes,
    days,
    files,
    hostile,
    kills,
    notifying,
    pauses,
    power,
    provider,
    redis_down,
    soak,
    troubles,
    turns,
)

SCENARIOS: tuple[Scenario, ...] = (
    *clean.SCENARIOS,
    *kills.SCENARIOS,
    *redis_down.SCENARIOS,
    *power.SCENARIOS,
    *callbacks.SCENARIOS,
    *provider.SCENARIOS,
    *crashes.SCENARIOS,
    *broker.SCENARIOS,
    *pauses.SCENARIOS,
    *hostile.SCENARIOS,
    *soak.SCENARIOS,
    *accounts.SCENARIOS,
    *turns.SCENARIOS,
    *budgets.SCENARIOS,
    *notifying.SCENARIOS,
    *files.SCENARIOS,
    *days.SCENARIOS,
    *troubles.SCENARIOS,
)
