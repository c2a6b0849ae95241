"""`podid version`."""

from harness import Podid
from podid.version import VERSION


def test_the_version_and_its_parts() -> None:
    outcome = Podid()("version")
    assert (outcome.code, outcome.stderr) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in outcome.stdout.splitlines())
    assert rows["podid"] == VERSION
    assert {"Python", "botocore", "presets"} <= rows.keys()
