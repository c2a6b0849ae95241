"""`podid preset list`."""

from harness import Podid
from podid.ops.role.presets import list_presets


def test_all_presets_are_listed_without_access_to_aws() -> None:
    podid = Podid()
    outcome = podid("preset", "list", "-o", "name")
    assert (outcome.code, outcome.stdout.split(), outcome.stderr) == (0, [preset.name for preset in list_presets()], "")
    row = next(line for line in podid("preset", "list").stdout.splitlines() if line.startswith("dynamodb-read"))
    assert row.split("\t")[1:3] == ["application", "table,[key]"]
