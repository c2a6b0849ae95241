"""The add-on's versions that EKS offers, and the choice among them."""

import shlex
from typing import Any

import pytest

from harness import table
from ops.agent.support import DEFAULT, NEWEST, OLD, addon
from podid.domain.aws import AddonVersion, Cluster
from podid.domain.errors import Again, Conflict, NotFound
from podid.domain.versions import offer_of
from podid.ops.agent.versions import behind, choose
from worlds import CLUSTER_ARN, Site

NINE = "v1.3.9-eksbuild.5"
VERSIONS = (NEWEST, DEFAULT, NINE, OLD, "v1.3.3-eksbuild.1", "v1.2.0-eksbuild.1")
OFFER = offer_of(
    Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE"),
    [AddonVersion(version=version, default=version == DEFAULT) for version in VERSIONS],
)


def refused(requested: str, installed: str = "") -> NotFound:
    with pytest.raises(NotFound) as error:
        choose(OFFER, requested, installed)
    return error.value


@table(
    ("requested", "installed", "chosen"),
    [
        ("", "", DEFAULT),
        ("default", "", DEFAULT),
        ("latest", "", NEWEST),
        (OLD, "", OLD),
        ("", OLD, OLD),
        ("latest", OLD, NEWEST),
        (NEWEST, NEWEST, NEWEST),
    ],
)
def test_the_chosen_version(requested: str, installed: str, chosen: str) -> None:
    assert choose(OFFER, requested, installed) == chosen


@table(
    ("requested", "near"),
    [
        ("v1.0.0", "v1.2.0-eksbuild.1"),  # older than all
        ("v9.9.9", NEWEST),
        ("v1.3.10-eksbuild.9", NEWEST),
        ("v1.3.5", OLD),
        ("garbage", NEWEST),
    ],
)
def test_a_version_that_does_not_exist(requested: str, near: str) -> None:
    """The default, which EKS itself would choose, is the first of the proposals. Then comes the nearest."""
    error = refused(requested)
    listed = error.message.partition("EKS offers ")[2]
    assert listed.startswith(f"{DEFAULT}, its default; {near}; ")
    assert listed.endswith(" and 1 more")
    assert error.hint == Again(swap=(requested, DEFAULT))
    # EKS's default is older than the installed version
    assert refused(requested, NEWEST).hint == Again(swap=(requested, NEWEST))


@table(
    ("requested", "meant"),
    [("1.3.10", NEWEST), ("v1.3.4", OLD), ("v1.3.9-eksbuild", NINE), ("lastest", "latest"), ("defualt", "default")],
)
def test_a_part_of_a_version_is_completed(requested: str, meant: str) -> None:
    assert refused(requested).hint == Again(swap=(requested, meant))


def test_an_older_version_requires_an_option() -> None:
    with pytest.raises(Conflict, match="is installed, and the requested") as error:
        choose(OFFER, "default", NEWEST)
    assert error.value.hint == Again(add=("--allow-downgrade",))
    assert choose(OFFER, "default", NEWEST, allow_downgrade=True) == DEFAULT


def test_without_an_offer_eks_chooses() -> None:
    assert [choose(None, text) for text in ("", "default", "v1.0.0")] == ["", "", "v1.0.0"]
    with pytest.raises(NotFound, match="The latest version is not known"):
        choose(None, "latest")
    with pytest.raises(NotFound, match=r"EKS offers no version .* on Kubernetes 1\.35"):
        choose(offer_of(Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE"), []), "")


def test_an_installed_version_that_is_behind() -> None:
    assert behind(OFFER, OLD, "demo").startswith(
        f"{OLD} is installed, but EKS's default for Kubernetes 1.35 is {DEFAULT}"
    )
    assert f", the newest {NEWEST}: podid install-agent --addon-version default" in behind(OFFER, OLD, "demo")
    words = f"but the newest for Kubernetes 1.35 is {NEWEST}: podid x --addon-version latest --cluster demo upgrades it"
    assert words in behind(OFFER, DEFAULT, "demo", "x")
    assert behind(OFFER, NEWEST, "demo") == behind(None, OLD, "demo") == behind(OFFER, "", "demo") == ""


def test_the_proposed_version_can_be_installed(site: Site) -> None:
    refusal = site("install-agent", "--addon-version", "v1.3.5", "-o", "json")
    assert (refusal.code, refusal.error["hint"]) == (5, f"podid install-agent --addon-version {DEFAULT} -o json")
    assert site(*shlex.split(refusal.error["hint"])[1:]).code == 0


def test_an_older_version_stays_with_a_note(site: Site) -> None:
    site.must("install-agent", "--addon-version", OLD)
    again = site.must("install-agent")
    assert addon(site)["addonVersion"] == OLD
    assert f"{OLD} is installed, but EKS's default for Kubernetes 1.35 is {DEFAULT}" in again.stderr


def test_only_versions_that_are_compatible(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform version and the compute types decide; the order of the list does not."""
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
    refusal = site("install-agent", "--addon-version", NEWEST, "-o", "json")
    assert refusal.code == 5
    assert "requires platform version eks.99, and the cluster has eks.9" in refusal.error["message"]
    assert NEWEST not in refusal.error["hint"]
    assert DEFAULT not in refusal.error["hint"]
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
