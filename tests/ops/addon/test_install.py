"""Add-ons that are installed or updated with their roles."""

from dataclasses import replace

import pytest

from ops.addon.worlds import ADOT, API, EBS, LOGS, METRICS, TRACES, kinds, roles
from ops.change.support import account_state, writes
from podid.sandbox.aws.addon_catalog import CATALOG
from worlds import ACCOUNT, Site


def test_an_add_on_is_installed_with_its_roles(account: Site) -> None:
    before = account_state(account.box)
    account.box.world.delays.role = 5.0
    line = ("addon", "install", ADOT, "--role", f"{METRICS}=storefront", "--recommended", *API)
    planned = account(*line, "--dry-run")
    assert (planned.code, account_state(account.box)) == (0, before)
    done = account.must(*line).json
    assert kinds(done) == ["role", "role-attachment"] * 2 + ["addon"]
    assert roles(account, ADOT)[METRICS] == "storefront"
    assert set(roles(account, ADOT)) == {METRICS, TRACES, LOGS}
    count = writes(account.box)
    again = account.must(*line).json
    assert ({item["status"] for item in again["actions"]}, writes(account.box)) == ({"unchanged"}, count)
    account.must("undo", "last", "--yes", "--wait", "api")
    account.wait(30)
    assert account_state(account.box) == before


def test_an_installed_add_on_is_updated_before_it_gets_roles(account: Site) -> None:
    account.must("addon", "install", "vpc-cni", "--addon-version", "v1.20.4-eksbuild.2", *API)
    done = account.must("addon", "install", "vpc-cni", "--addon-version", "latest", "--recommended", *API).json
    assert kinds(done) == ["role", "role-attachment", "addon", "addon-associations"]
    assert (account.box.world.clusters["demo"].addons["vpc-cni"].version, len(roles(account, "vpc-cni"))) == (
        "v1.21.1-eksbuild.3",
        1,
    )


def test_an_association_outside_of_the_add_on_requires_replace(account: Site) -> None:
    account.aws("eks").create_pod_identity_association(
        clusterName="demo",
        namespace="kube-system",
        serviceAccount="aws-node",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/storefront",
    )
    line = ("addon", "install", "vpc-cni", "--role", "aws-node=orders-dynamodb")
    count = writes(account.box)
    refused = account(*line)
    assert (refused.code, writes(account.box)) == (6, count), refused
    account.must(*line, "--replace", *API)
    assert roles(account, "vpc-cni") == {"aws-node": "orders-dynamodb"}


def test_roles_of_an_add_on_that_is_refused_are_rolled_back(account: Site) -> None:
    before = account_state(account.box)
    account.box.world.credentials.deny("eks:CreateAddon")
    refused = account("addon", "install", ADOT, "--recommended", "-o", "json")
    assert (refused.code, refused.stdout, account_state(account.box)) == (4, "", before), refused
    assert refused.error["advice"].endswith("which this command created, were deleted.")
    account.box.world.credentials.allow_again()
    account.box.world.credentials.deny("eks:UpdateAddon")
    refused = account("addon", "associate", EBS, "--recommended", "-o", "json")
    assert (refused.code, account_state(account.box)) == (4, before), refused


@pytest.mark.parametrize(("operation", "code"), [("DescribeAddonVersions", 4), ("DescribeAddonConfiguration", 6)])
def test_nothing_is_installed_without_the_recommended_policies(account: Site, operation: str, code: int) -> None:
    before = account_state(account.box)
    account.box.world.credentials.deny(f"eks:{operation}")
    refused = account("addon", "install", ADOT, "--recommended", *API)
    assert (refused.code, account_state(account.box)) == (code, before), refused
    assert f"eks:{operation}" in refused.error["message"]
    account.must("addon", "install", ADOT, *API)


def test_community_add_ons_are_offered(account: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOG, ADOT, replace(CATALOG[ADOT], owner="community"))
    assert ADOT in account.must("addon", "list", "--all", "-o", "name").stdout
    planned = account.must("addon", "install", ADOT, "--recommended", "--dry-run", "-o", "json").json
    assert kinds(planned).count("role") == 3


# --- conflicts of an update -------------------------------------------------------------------------------------------
