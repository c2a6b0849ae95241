"""Restarts of stale pods for each check that a restart fixes."""

import pytest

from podid.checks.all import BY_ID
from podid.domain.findings import Bearing
from podid.sandbox.breaks.table import BREAKS
from worlds import Site


@pytest.mark.parametrize("mode", [mode for mode in BREAKS if BY_ID[mode].bearing is Bearing.RESTART])
def test_restart_of_stale_pods_ends_every_stale_state(shared: Site, mode: str) -> None:
    shared.box.failures.put(mode)
    try:
        before = {item["id"] for item in shared("status", "-o", "json").json["items"] if item["state"] == "stale"}
        outcome = shared("restart", "-A", "--stale", "--yes")
        after = {item["state"] for item in shared("status", "-o", "json").json["items"]}
    finally:
        shared.box.failures.heal()
    assert (before, outcome.code, after) == ({mode}, 0, {"ready"}), outcome
