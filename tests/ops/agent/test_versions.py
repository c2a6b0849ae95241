"""The add-on's versions that EKS offers, and the choice among them."""

import shlex
from typing import Any

import pytest

from ops.agent.support import DEFAULT, NEWEST, OLD, addon
from worlds import Site


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("v1.0.0", "v1.2.0-eksbuild.1"),  # older than all
        ("v9.9.9", NEWEST),
        ("v1.3.10-eksbuild.9", NEWEST),
        ("v1.3.5", OLD),
        ("garbage", NEWEST),
    ],
)
def test_a_version_that_does_not_exist(site: Site, asked: str, near: str) -> None:
    """The default first, which EKS itself would take, and then the nearest."""
    refused = site("install-agent", "--addon-version", asked, "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, f"podid install-agent --addon-version {DEFAULT} -o json")
    listed = refused.error["message"].partition("EKS offers ")[2]
    assert listed.startswith(f"{DEFAULT}, its default; {near}; ")
    assert listed.endswith(" and 1 more")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("1.3.10", NEWEST),
        ("v1.3.4", OLD),
        ("v1.3.9-eksbuild", "v1.3.9-eksbuild.5"),
        ("lastest", "latest"),
        ("defualt", "default"),
    ],
)
def test_a_part_of_a_version_is_completed(site: Site, asked: str, meant: str) -> None:
    refused = site("install-agent", "--addon-version", asked, "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, f"podid install-agent --addon-version {meant} -o json")
    assert site("install-agent", "--addon-version", meant, "--dry-run").code == 0


@pytest.mark.parametrize("asked", ["v1.0.0", "v9.9.9", "garbage", "v1.3.5"])
def test_the_proposed_version_is_not_older_than_the_installed_one(site: Site, asked: str) -> None:
    """The newest is installed, but EKS's default is older."""
    site.must("install-agent", "--addon-version", "latest")
    refused = site("install-agent", "--addon-version", asked, "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, f"podid install-agent --addon-version {NEWEST} -o json")
    assert site(*shlex.split(refused.error["hint"])[1:]).code == 0


def test_an_older_version_stays_with_a_note(site: Site) -> None:
    site.must("install-agent", "--addon-version", OLD)
    again = site.must("install-agent")
    assert addon(site)["addonVersion"] == OLD
    assert f"{OLD} is installed, but EKS's default for Kubernetes 1.35 is {DEFAULT}" in again.stderr


def test_only_versions_that_are_compatible(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Platform version and compute type count, and the list's order does not."""
    from podid.sandbox.aws import eks_addons

    answer = eks_addons._versions_body

    def odd(kind: Any, kubernetes: Any) -> Any:
        body = answer(kind, kubernetes)
        for version in body["addonVersions"]:
            if version["addonVersion"] == NEWEST:
                version["compatibilities"][0]["platformVersions"] = ["eks.99"]
            if version["addonVersion"] == DEFAULT:
                version["computeTypes"] = ["fargate"]
        body["addonVersions"].reverse()
        return body

    monkeypatch.setattr(eks_addons, "_versions_body", odd)
    refused = site("install-agent", "--addon-version", NEWEST, "-o", "json")
    assert refused.code == 5
    assert "requires platform version eks.99, and the cluster has eks.9" in refused.error["message"]
    assert NEWEST not in refused.error["hint"]
    assert DEFAULT not in refused.error["hint"]
    site.must("install-agent", "--addon-version", "latest")
    assert addon(site)["addonVersion"] == "v1.3.9-eksbuild.5"
    listed = site.must("agent", "versions", "-o", "json").json
    assert [item["fits"] for item in listed["items"]][:3] == [False, False, True]
    assert (listed["installed"], listed["latest"]) == ("v1.3.9-eksbuild.5", "v1.3.9-eksbuild.5")


def test_versions_that_cannot_be_listed(site: Site) -> None:
    site.box.world.credentials.deny("eks:DescribeAddonVersions")
    assert site("install-agent", "--addon-version", "latest").code == 5
    done = site("install-agent")
    assert (done.code, addon(site)["addonVersion"]) == (0, DEFAULT)
    assert "the add-on's versions could not be read" in done.stderr
