"""The associations, pods and last use that `podid show` reads."""

from typing import Any

from worlds import Site

KEYS = [{"name": name, "value": "x"} for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]


NO_METADATA = [{"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}]


def shown(site: Site, ref: str = "shop/orders") -> Any:
    return site.must("show", ref, "-o", "json").json


def uses(document: Any, pod: str) -> list[tuple[str, bool]]:
    (result,) = [item for item in document["pods"] if item["name"].startswith(pod)]
    return [(item["uses"], item["certain"]) for item in result["containers"]]


def make_pod(site: Site, name: str, account: str = "orders", **container: Any) -> None:
    spec = {"containers": [{"name": "app", "image": "app:1", **container}]}
    site.cluster.make_pod("shop", name, account, **spec)
    site.wait(5)


def test_pods_that_nothing_was_injected_into(site: Site) -> None:
    site.with_agent()
    site.associate("shop", "orders")
    site.wait(120)
    before = shown(site)
    old = [item for item in before["pods"] if item["stale"]]
    assert {one["uses"] for item in old for one in item["containers"]} == {"node-role"}
    assert old
    assert not any(one["certain"] for item in old for one in item["containers"])
    make_pod(site, "shut", env=[*NO_METADATA, {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": ""}])
    assert uses(shown(site), "shut") == [("other-endpoint", True)]


def test_an_init_container_uses_credentials_too(site: Site) -> None:
    site.with_agent().with_identity()
    spec: Any = {"initContainers": [{"name": "setup", "image": "setup:1", "env": KEYS}]}
    site.cluster.make_pod("shop", "lone", "orders", containers=[{"name": "app", "image": "app:1"}], **spec)
    site.wait(5)
    (lone,) = [pod for pod in shown(site)["pods"] if pod["name"] == "lone"]
    containers = [(item["name"], item["init"], item["uses"]) for item in lone["containers"]]
    assert containers == [("app", False, "pod-identity"), ("setup", True, "static-keys")]
    assert "init container setup: uses access keys of its own" in site.must("show", "shop/orders").stdout


def test_the_last_use_is_the_newest_session_in_cloudtrail(site: Site) -> None:
    site.with_agent().with_identity()
    assert shown(site)["lastUse"] is None
    result = site.must("show", "shop/orders", "--cloudtrail", "-o", "json").json["lastUse"]
    assert (result["at"], result["pod"]) == (None, None)
    assert "none in CloudTrail in the last 90d" in site.must("show", "shop/orders", "--cloudtrail").stdout
    site.must("verify", "shop/orders", "--yes")
    site.wait(7200)
    result = site.must("show", "shop/orders", "--cloudtrail", "-o", "json").json["lastUse"]
    assert result["pod"] in site.cluster.pod_names("shop", "orders")
    assert "2h ago by pod" in site.must("show", "shop/orders", "--cloudtrail").stdout
    site.box.world.credentials.deny("cloudtrail:LookupEvents")
    outcome = site("show", "shop/orders", "--cloudtrail", "-o", "json")
    unread = outcome.json
    assert outcome.code == 9
    assert [(item["what"], item["permission"]) for item in unread["unknowns"]] == [
        ("the last use", "cloudtrail:LookupEvents")
    ]
