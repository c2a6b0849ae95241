"""Confirmation and refusals of `podid addon disassociate`."""

import pytest

from ops.addon.worlds import ADOT, LOGS, METRICS, SPACE, TRACES, owned, with_adot
from ops.change.support import writes
from worlds import Site


@pytest.fixture
def adot(account: Site) -> Site:
    return with_adot(account)


def test_one_association_is_deleted_and_undone_and_the_others_stay(adot: Site) -> None:
    before, count = owned(adot), writes(adot.box)
    asked = adot("addon", "disassociate", ADOT, TRACES)
    assert (asked.code, writes(adot.box)) == (2, count)
    adot.must("addon", "disassociate", ADOT, TRACES, "--yes", "--wait", "api")
    assert owned(adot) == {METRICS: before[METRICS]}
    adot.wait(10)
    adot.must("undo", "last", "--yes", "--wait", "api")
    assert {name: role for name, (_, role) in owned(adot).items()} == {METRICS: "storefront", TRACES: "orders-dynamodb"}
    assert owned(adot)[METRICS] == before[METRICS]
    gone = adot("addon", "disassociate", ADOT, LOGS, "--yes", "-o", "json")
    assert gone.code == 5


def test_a_service_account_has_no_namespace(adot: Site) -> None:
    count = writes(adot.box)
    refused = adot("addon", "disassociate", ADOT, f"{SPACE}/{METRICS}", "--yes", "-o", "json")
    assert (refused.code, writes(adot.box)) == (2, count), refused
    assert "without a namespace" in refused.error["message"]
    assert refused.error["hint"].split()[3:5] == [ADOT, METRICS]


def test_an_association_without_the_add_on_is_deleted_with_podid_disassociate(adot: Site) -> None:
    adot.associate(SPACE, LOGS)
    refused = adot("addon", "disassociate", ADOT, LOGS, "--yes", "-o", "json")
    assert (refused.code, "does not belong to the add-on" in refused.error["message"]) == (5, True)
    assert refused.error["hint"] == f"podid disassociate {SPACE}/{LOGS}"
