"""`show`: everything about one service account, and which credentials each of its pods really uses."""

from typing import Any

import pytest

from podid.cli.changing import MOST_USERS
from podid.sandbox.baseline import add_association
from worlds import Site, target_arn

KEYS = [{"name": name, "value": "x"} for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
IRSA = [
    {"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::111122223333:role/old"},
    {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"},
]
NO_METADATA = [{"name": "AWS_EC2_METADATA_DISABLED", "value": "true"}]


def shown(site: Site, ref: str = "shop/orders") -> Any:
    return site.must("show", ref, "-o", "json").json


def uses(document: Any, pod: str) -> list[tuple[str, bool]]:
    (found,) = [item for item in document["pods"] if item["name"].startswith(pod)]
    return [(item["uses"], item["certain"]) for item in found["containers"]]


def make_pod(site: Site, name: str, account: str = "orders", **container: Any) -> None:
    spec = {"containers": [{"name": "app", "image": "app:1", **container}]}
    site.cluster.make_pod("shop", name, account, **spec)
    site.wait(5)


def test_everything_on_one_screen(site: Site) -> None:
    site.with_agent().with_identity().with_target()
    found = shown(site)
    assert found["account"] == {"exists": True, "createdAt": found["account"]["createdAt"], "irsaRoleArn": None}
    assert target_arn() in str([item["words"] for item in found["permissions"]])
    assert found["secondHop"]["externalId"] == found["externalId"]
    assert {item["workload"]["kind"] for item in found["pods"]} == {"Deployment"}
    assert [item["name"] for item in found["pods"]] == sorted(site.cluster.pod_names("shop", "orders"))
    assert {one["uses"] for item in found["pods"] for one in item["containers"]} == {"pod-identity"}
    assert (found["unknowns"], {item["stale"] for item in found["pods"]}) == ([], {False})
    text = site.must("show", "shop/orders").stdout
    for words in ("account ", "exists", "external id", "role chaining", "Deployment orders: ", "uses Pod Identity"):
        assert words in text


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, ("pod-identity", True)),
        ({"env": KEYS}, ("static-keys", True)),
        ({"env": KEYS[:1]}, ("pod-identity", False)),
        ({"env": IRSA}, ("irsa", True)),
        ({"env": [*IRSA, *KEYS]}, ("static-keys", True)),
        ({"env": [{"name": "AWS_PROFILE", "value": "prod"}]}, ("pod-identity", False)),
        ({"envFrom": [{"secretRef": {"name": "keys"}}]}, ("pod-identity", False)),
        ({"envFrom": [{"configMapRef": {"name": "nosuch"}}]}, ("pod-identity", True)),
        (
            {"env": [{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://127.0.0.1/"}]},
            ("other-endpoint", True),
        ),
    ],
)
def test_what_an_sdk_takes(site: Site, container: dict[str, Any], expected: tuple[str, bool]) -> None:
    site.with_agent().with_identity()
    make_pod(site, "lone", **container)
    assert uses(shown(site), "lone") == [expected]


def test_pods_that_nothing_was_injected_into(site: Site) -> None:
    site.associate("shop", "orders")
    site.wait(120)
    before = shown(site)
    old = [item for item in before["pods"] if item["stale"]]
    assert {one["uses"] for item in old for one in item["containers"]} == {"node-role"}
    assert old
    assert not any(one["certain"] for item in old for one in item["containers"])
    make_pod(site, "shut", env=[*NO_METADATA, {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": ""}])
    assert uses(shown(site), "shut") == [("other-endpoint", True)]


def test_what_cannot_be_read_is_unknown(site: Site) -> None:
    site.with_agent().with_identity()
    site.box.world.credentials.deny("iam:ListAttachedRolePolicies")
    site.box.world.credentials.deny("iam:ListRolePolicies")
    found = shown(site)
    assert {item["permission"] for item in found["unknowns"]} == {
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    }
    assert (
        "permissions not checked: inline policies: requires iam:ListRolePolicies"
        in site.must("show", "shop/orders").stdout
    )


def test_an_init_container_uses_credentials_too(site: Site) -> None:
    site.with_agent().with_identity()
    spec: Any = {"initContainers": [{"name": "setup", "image": "setup:1", "env": KEYS}]}
    site.cluster.make_pod("shop", "lone", "orders", containers=[{"name": "app", "image": "app:1"}], **spec)
    site.wait(5)
    (lone,) = [pod for pod in shown(site)["pods"] if pod["name"] == "lone"]
    containers = [(item["name"], item["init"], item["uses"]) for item in lone["containers"]]
    assert containers == [("app", False, "pod-identity"), ("setup", True, "static-keys")]
    assert "init container setup: uses access keys of its own" in site.must("show", "shop/orders").stdout


def test_a_service_account_that_does_not_exist(site: Site) -> None:
    site.associate("shop", "nobody")
    found = shown(site, "shop/nobody")
    assert (found["account"]["exists"], found["pods"]) == (False, [])
    assert "No running pods" in site.must("show", "shop/nobody").stdout


def test_the_last_use_is_what_cloudtrail_tells(site: Site) -> None:
    site.with_agent().with_identity()
    assert shown(site)["lastUse"] is None
    found = site.must("show", "shop/orders", "--cloudtrail", "-o", "json").json["lastUse"]
    assert (found["at"], found["pod"]) == (None, None)
    assert "none in CloudTrail in the last 90d" in site.must("show", "shop/orders", "--cloudtrail").stdout
    site.must("verify", "shop/orders", "--yes")
    site.wait(7200)
    found = site.must("show", "shop/orders", "--cloudtrail", "-o", "json").json["lastUse"]
    assert found["pod"] in site.cluster.pod_names("shop", "orders")
    assert "2h ago by pod" in site.must("show", "shop/orders", "--cloudtrail").stdout
    site.box.world.credentials.deny("cloudtrail:LookupEvents")
    unread = site.must("show", "shop/orders", "--cloudtrail", "-o", "json").json
    assert [(item["what"], item["permission"]) for item in unread["unknowns"]] == [
        ("the last use", "cloudtrail:LookupEvents")
    ]


def test_a_role_of_many_says_that_their_status_was_not_checked(site: Site) -> None:
    for number in range(MOST_USERS + 1):
        add_association(site.box.world, "shop", f"a{number}", "storefront")
    outcome = site("role", "show", "storefront")
    assert outcome.code == 0
    assert f"The status of {MOST_USERS + 1} service accounts was not checked: podid status" in outcome.stderr
