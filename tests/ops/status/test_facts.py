"""The credentials of the pods of a service account, its stale pods, and who can assume its roles."""

from dataclasses import replace
from typing import Any

from checks.builder import ROLE_ARN, association, bare, chained, pod, trust
from checks.builder import healthy as healthy_snapshot
from checks.builder import role as role_of
from ops.status.snapshots import DENIED
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot
from podid.domain.trust import TrustVerdict
from podid.ops.status.diagnose import Diagnosis, diagnose
from podid.ops.status.facts import account_of, hop_of, late_pods, pods_of, trust_of
from worlds import ORDERS, Site

OLD = bare(pod("old"), created_at=pod().created_at.replace(year=2025))
OTHERS = replace(pod("cart"), service_account="cart")


def diagnosis(snapshot: Snapshot) -> Diagnosis:
    return Diagnosis(diagnose(snapshot), snapshot)


def test_pods_from_before_the_association_are_late() -> None:
    assert late_pods(diagnosis(healthy_snapshot(pods=(pod("new"), OLD)))) == {"shop/old"}
    assert late_pods(diagnosis(healthy_snapshot(pods=DENIED))) == frozenset()


def test_the_pods_of_a_service_account_with_their_credentials() -> None:
    section = pods_of(
        diagnosis(healthy_snapshot(pods=(pod("new"), OLD, OTHERS, replace(pod("gone"), phase="Failed")))), ORDERS
    )
    assert isinstance(section, Known)
    assert [(use.pod.name, use.stale, str(use.workload)) for use in section.value] == [
        ("new", False, "Deployment shop/orders"),
        ("old", True, "Deployment shop/orders"),
    ]
    assert [use.containers[0].uses for use in section.value] == ["pod-identity", "node-role"]
    assert pods_of(diagnosis(healthy_snapshot(pods=DENIED)), ORDERS) is DENIED


def test_the_trust_policy_is_evaluated_for_the_pods() -> None:
    own = association()

    def verdict(roles: object) -> object:
        section = trust_of(healthy_snapshot(roles=roles), own)
        return section.value.verdict if isinstance(section, Known) else section.reason

    assert verdict({ROLE_ARN: Known(role_of())}) is TrustVerdict.MATCH
    assert verdict({ROLE_ARN: Known(role_of(document=trust("ec2.amazonaws.com")))}) is TrustVerdict.NO_MATCH
    assert verdict({ROLE_ARN: Known(None)}) == "the role does not exist"
    assert verdict({ROLE_ARN: DENIED}) == DENIED.reason
    assert verdict(DENIED) == DENIED.reason


def test_the_target_role_and_the_service_account() -> None:
    snapshot = chained()
    hop = hop_of(snapshot, association())
    assert hop is not None
    assert hop.verdict is TrustVerdict.MATCH
    assert hop_of(healthy_snapshot(), association()) is None
    account = account_of(healthy_snapshot(), ORDERS)
    assert isinstance(account, Known)
    assert account.value is not None
    assert account_of(healthy_snapshot(), ServiceAccountRef("shop", "nosuch")) == Known(None)
    assert account_of(healthy_snapshot(service_accounts=DENIED), ORDERS) is DENIED


# --- in the sandbox, whose webhook injects the fields -----------------------------------------------------------------

KEYS = [{"name": name, "value": "x"} for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
IRSA = [
    {"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::111122223333:role/old"},
    {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"},
]
FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
# by name of the pod: its container, the credentials that an SDK uses, and whether that is certain
CONTAINERS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "plain": ({}, "pod-identity", True),
    "keys": ({"env": KEYS}, "static-keys", True),
    "half-a-key": ({"env": KEYS[:1]}, "pod-identity", False),
    "irsa": ({"env": IRSA}, "irsa", True),
    "keys-and-irsa": ({"env": [*IRSA, *KEYS]}, "static-keys", True),
    "profile": ({"env": [{"name": "AWS_PROFILE", "value": "prod"}]}, "pod-identity", False),
    "secret": ({"envFrom": [{"secretRef": {"name": "keys"}}]}, "pod-identity", False),
    "no-config-map": ({"envFrom": [{"configMapRef": {"name": "nosuch"}}]}, "pod-identity", True),
    "endpoint": ({"env": [{"name": FULL_URI, "value": "http://127.0.0.1/"}]}, "other-endpoint", True),
}


def test_the_credentials_of_each_container(healthy: Site) -> None:
    for name, (container, _, _) in CONTAINERS.items():
        spec = {"containers": [{"name": "app", "image": "app:1", **container}]}
        healthy.cluster.make_pod("shop", f"lone-{name}", "orders", **spec)
    healthy.wait(5)
    pods = healthy.must("show", "shop/orders", "-o", "json").json["pods"]
    assert {
        item["name"].removeprefix("lone-"): (use["uses"], use["certain"])
        for item in pods
        for use in item["containers"]
        if item["name"].startswith("lone-")
    } == {name: (uses, certain) for name, (_, uses, certain) in CONTAINERS.items()}
