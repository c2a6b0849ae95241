"""Versions of EKS: their order, and those that are compatible with a cluster."""

from typing import Any

from harness import table
from podid.domain.aws import AddonVersion, Cluster
from podid.domain.versions import addon_key, minor_version, next_minor, offer_of, older, platform_number


@table(
    ("version", "key"),
    [
        ("v1.3.10-eksbuild.2", (1, 3, 10, 2)),
        ("1.3.10", (1, 3, 10, 0)),
        ("v1.3", None),
        ("v1.3.10-eksbuild.x", None),
        ("v1.3.10-eksbuild.2 ", None),
        ("", None),
    ],
)
def test_the_key_of_a_version_of_an_add_on(version: str, key: tuple[int, ...] | None) -> None:
    assert addon_key(version) == key


def test_the_order_of_versions() -> None:
    assert older("v1.3.9-eksbuild.5", "v1.3.10-eksbuild.1")
    assert older("v1.3.10", "v1.3.10-eksbuild.1")
    assert not older("v1.3.10-eksbuild.1", "v1.3.10-eksbuild.1")
    assert not older("latest", "v1.3.10-eksbuild.1")
    assert not older("v1.3.10-eksbuild.1", "latest")


def test_versions_of_kubernetes_and_of_the_platform() -> None:
    assert (minor_version("1.35"), minor_version("1.35.2"), minor_version("x")) == ((1, 35), None, None)
    assert (next_minor("1.9"), next_minor("x")) == ("1.10", "")
    assert (platform_number("eks.12"), platform_number("eks.x")) == (12, None)


def version(name: str, **more: Any) -> AddonVersion:
    values: dict[str, Any] = {"compute_types": ("ec2",), "default": False}
    return AddonVersion(version=name, **(values | more))


CLUSTER = Cluster(name="demo", arn="arn", version="1.35", status="ACTIVE", platform_version="eks.9")


def test_compatible_versions_newest_first() -> None:
    offer = offer_of(
        CLUSTER,
        [
            version("odd"),
            version("v1.9.0-eksbuild.1", default=True),
            version("v1.10.0-eksbuild.1"),
            version("v1.11.0-eksbuild.1", platform_versions=("eks.10",)),
        ],
    )
    assert offer.fitting == ("v1.10.0-eksbuild.1", "v1.9.0-eksbuild.1", "odd")
    assert (offer.latest, offer.default) == ("v1.10.0-eksbuild.1", "v1.9.0-eksbuild.1")
    newest = offer.row("v1.11.0-eksbuild.1")
    assert newest is not None
    assert newest.why_not == "it requires platform version eks.10, and the cluster has eks.9"
    assert offer.row("v2.0.0") is None
    assert (offer_of(CLUSTER, []).latest, offer_of(CLUSTER, []).default) == ("", "")


@table(
    ("platforms", "compatible"),
    [((), True), (("*",), True), (("eks.9",), True), (("eks.8", "eks.10"), False)],
)
def test_platform_versions(platforms: tuple[str, ...], compatible: bool) -> None:
    offer = offer_of(CLUSTER, [version("v1.0.0-eksbuild.1", platform_versions=platforms)])
    assert bool(offer.fitting) is compatible


def test_kinds_of_nodes() -> None:
    def why_not(*types: str) -> str:
        rows = offer_of(CLUSTER, [version("v1.0.0", compute_types=types)], ("ec2", "hybrid")).rows
        return rows[0].why_not

    assert why_not() == ""
    assert why_not("EC2", "hybrid", "auto") == ""
    assert why_not("ec2") == "it does not support hybrid nodes, only ec2"
