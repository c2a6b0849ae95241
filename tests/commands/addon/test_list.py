"""Options and notes of `podid addon list`."""

from typing import Any

from ops.addon.worlds import EBS, EBS_ACCOUNT
from worlds import Site


def rows(site: Site, *argv: str) -> dict[tuple[str, str], Any]:
    items = site.must("addon", "list", *argv, "-o", "json").json["items"]
    return {(item["addonName"], item["serviceAccount"] or ""): item for item in items}


def test_all_includes_add_ons_that_are_not_installed(account: Site) -> None:
    addons = rows(account, "--all")
    assert addons["vpc-cni", "aws-node"]["installed"] is False
    assert addons["vpc-cni", "aws-node"]["addonVersion"] == "v1.21.1-eksbuild.3"
    assert addons[EBS, EBS_ACCOUNT]["installed"] is True


def test_failed_reads_are_notes_and_unknown_values(account: Site) -> None:
    account.box.world.credentials.deny("eks:DescribeAddonConfiguration")
    account.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = account("addon", "list", "-o", "json")
    assert (outcome.code, [item["supported"] for item in outcome.json["items"]]) == (9, [None])
    assert [part.partition(":")[0] for part in outcome.json["unread"]] == [
        "the configuration of an add-on",
        "the associations",
    ]
    notes = account("addon", "list").stderr
    assert "not checked: the configuration of an add-on: " in notes
    assert "not checked: the associations: " in notes
