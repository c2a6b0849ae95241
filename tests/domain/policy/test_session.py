"""The keys of a session of pods: session tags, the name of a pod, and specified values."""

from dataclasses import replace

from domain.policy.policies import (
    ADDRESSES,
    BUCKET,
    POD,
    SESSION,
    access,
    allow,
    decided,
    deny,
)
from podid.domain.policy.evaluate import AccessVerdict
from podid.domain.trust import LivePod


def test_session_tags_of_pods_are_known() -> None:
    policies = access(allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/kubernetes-namespace}}/*"))
    assert decided(policies.ruling("s3:GetObject", f"{BUCKET}/shop/a")) == ("allowed", "app, Statement[0]")
    assert policies.ruling("s3:GetObject").resources == (f"{BUCKET}/shop/*",)
    untagged = replace(SESSION, pod=replace(POD, session_tags=False))
    assert access(allow("s3:*", f"{BUCKET}/${{aws:PrincipalTag/kubernetes-namespace}}/*"), session=untagged).ruling(
        "s3:GetObject", f"{BUCKET}/shop/a"
    ).verdict is AccessVerdict.DENIED  # fmt: skip


def test_the_name_of_a_pod_is_known_only_for_one_pod() -> None:
    mine = {"StringEquals": {"aws:PrincipalTag/kubernetes-pod-name": "orders-1"}}
    ruling = access(allow("s3:GetObject", Condition=mine)).ruling("s3:GetObject", f"{BUCKET}/a")
    assert (decided(ruling), ruling.keys) == (
        ("unknown", "app, Statement[0]"),
        ("aws:PrincipalTag/kubernetes-pod-name",),
    )
    assert ruling.reason == "whether app, Statement[0] allows it depends on aws:PrincipalTag/kubernetes-pod-name"
    one = replace(SESSION, live=LivePod("orders-1", "uid-1"))
    assert (
        access(allow("s3:*", Condition=mine), session=one).ruling("s3:GetObject", "*").verdict is AccessVerdict.ALLOWED
    )


def test_a_specified_value_decides() -> None:
    inside = replace(SESSION, specified={"aws:sourceip": ("203.0.113.9",)})
    policies = access(deny("*", Condition=ADDRESSES, Sid="Office"), allow("*"), session=inside)
    assert decided(policies.ruling("s3:GetObject", "*")) == ("allowed", "app, Statement[1]")
    outside = replace(SESSION, specified={"aws:sourceip": ("198.51.100.1",)})
    policies = access(deny("*", Condition=ADDRESSES, Sid="Office"), allow("*"), session=outside)
    assert decided(policies.ruling("s3:GetObject", "*")) == ("denied", "app, Office")
