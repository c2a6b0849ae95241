"""A dry run ends as the run would: what a guard forbids has the same exit code in both."""

import pytest

from podid.cli.tree import COMMANDS
from way_worlds import write_files
from ways import OWN, Way
from worlds import Site

GUARD = """apiVersion: podid/v1
kind: PodIdentity
guard:
  allowedRoles: ["none-*"]
  allowedPolicies: ["none-*"]
  requiredTags: {team: "?*"}
"""
CHANGING = {row.name for row in COMMANDS if {"dry_run", "yes"} <= set(row.load().shared)}
# the fixes are commands with their own plans, and their refusals are lines of its result
OTHERS = {"doctor"}
WAYS = [
    way
    for way in OWN
    if way.command in CHANGING - OTHERS and way.code in (0, 3, 8) and "--dry-run" not in way.line and not way.answers
]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("way", [pytest.param(way, id=way.line) for way in WAYS])
def test_a_dry_run_is_refused_where_the_run_is(site: Site, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    monkeypatch.chdir(site.directory)
    write_files(site.directory)
    way.world(site)
    newest = site.must("history", "-o", "json").json["items"][:1]
    argv = [newest[0]["runId"] if word == "NEWEST" else word for word in way.argv]
    file = site.directory / "guard.yaml"
    file.write_text(GUARD)
    site.env["PODID_GUARD"] = str(file)
    dry = site(*argv, *(("--dry-run",) if way.command != "right-size" or "--apply" in argv else ()))
    run = site(*argv)
    assert (dry.code == 6) == (run.code == 6), (dry, run)
    assert dry.code != 6 or (str(file) in dry.stderr) == (str(file) in run.stderr), (dry, run)
