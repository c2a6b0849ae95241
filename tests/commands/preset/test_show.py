"""`podid preset show`."""

from harness import Podid


def test_a_preset_with_and_without_its_parameters() -> None:
    podid = Podid()
    plain = podid("preset", "show", "dynamodb-read", "-o", "json")
    assert (plain.code, plain.json["placeholders"]) == (0, ["account", "partition", "region", "table"])
    filled = podid("preset", "show", "dynamodb-read,table=orders")
    assert (filled.code, ":table/orders/index/*" in filled.stdout, "{{table}}" in filled.stdout) == (0, True, False)


def test_presets_and_parameters_that_do_not_exist() -> None:
    podid = Podid()
    missing = podid("preset", "show", "dynamodb-raed")
    assert (missing.code, missing.stdout, "did you mean dynamodb-read or " in missing.stderr) == (5, "", True)
    outcome = podid("preset", "show", "dynamodb-read,tabel=orders")
    assert (outcome.code, outcome.stdout) == (2, "")
