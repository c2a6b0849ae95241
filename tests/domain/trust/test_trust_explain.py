"""Sentences, findings and scopes, whole as a person reads them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from domain.trust.trust_helpers import (
    ACCOUNT,
    BASE_ROLE,
    CLUSTER,
    EXTERNAL_ID,
    HOP,
    IDENTITY,
    PODS,
    UNTAGGED,
    UNTAGGED_HOP,
    policy,
    statement,
)
from podid.domain.trust import (
    LivePod,
    PodIdentity,
    Scope,
    ScopeKind,
    TargetHop,
    build_statement,
    evaluate,
)

NS = "aws:RequestTag/kubernetes-namespace"
SA = "aws:RequestTag/kubernetes-service-account"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"


def _findings(request: PodIdentity | TargetHop, *statements: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = evaluate(policy(*statements), request)
    return [(finding.id, finding.severity, finding.message) for finding in found.findings]


def _exact(**members: Any) -> dict[str, Any]:
    return build_statement(IDENTITY) | members


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            [statement(Principal={"Service": "ec2.amazonaws.com"})],
            ("trust-wrong-principal", f"no statement lets {PODS} in: the trust names ec2.amazonaws.com"),
        ),
        (
            [statement(Principal={"Service": [PODS + ".cn", "eks.amazonaws.com"]})],
            (
                "trust-wrong-principal",
                f"no statement lets {PODS} in: the trust names {PODS}.cn, eks.amazonaws.com; "
                f"the service is called {PODS} in every partition",
            ),
        ),
        (
            [statement(Principal={"Federated": OIDC}, Action="sts:AssumeRoleWithWebIdentity")],
            ("trust-wrong-principal", f"this is an IRSA role: its trust names only {OIDC}, and not {PODS}"),
        ),
        (
            [statement(Effect="Deny", Principal={"AWS": "1"})],
            ("trust-wrong-principal", f"no statement lets {PODS} in"),
        ),
        (
            [_exact(Sid="A", Action="sts:AssumeRole")],
            (
                "trust-missing-tag-session",
                f"Statement[0] (A) lets {PODS} in, but not for sts:TagSession; both actions are needed",
            ),
        ),
        (
            [
                statement({"StringEquals": {NS: "web"}}, Action="sts:AssumeRole"),
                _exact(Sid="", Action="sts:AssumeRole"),
            ],
            (
                "trust-missing-tag-session",
                f"Statement[1] lets {PODS} in, but not for sts:TagSession; both actions are needed",
            ),
        ),
        (
            [statement({"StringEquals": {NS: "web"}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] fails on StringEquals {NS}: it wants web, and EKS sends shop",
            ),
        ),
        (
            [statement({"StringEquals": {NS: ["web", "Shop"]}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] fails on StringEquals {NS}: it wants web or Shop, and EKS sends shop; "
                "the comparison is case-sensitive",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals aws:SourceArn: it wants arn:aws:eks:*:*:cluster/*, "
                f"and EKS sends {CLUSTER}; * and ? are plain characters in StringEquals; use StringLike",
            ),
        ),
        (
            [statement({"ArnLike": {"aws:SourceArn": "arn:aws:eks:*/demo"}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] fails on ArnLike aws:SourceArn: it wants arn:aws:eks:*/demo, and EKS sends {CLUSTER}; "
                "an ARN pattern has six parts, and * does not reach over a colon",
            ),
        ),
        (
            [statement({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:podidentityassociation/demo/*"}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] fails on ArnLike aws:SourceArn: it wants arn:aws:eks:*:{ACCOUNT}:podidentityassociation/"
                f"demo/*, and EKS sends {CLUSTER}; aws:SourceArn is the cluster's ARN, never the association's",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:RequestTag/kubernetes-serviceaccount": "orders"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals aws:RequestTag/kubernetes-serviceaccount: it wants orders, and EKS "
                "does not send it; the session tag is called kubernetes-service-account",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:RequestTag/eks-cluster": "demo"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals aws:RequestTag/eks-cluster: it wants demo, and EKS does not send "
                "it; the session tag is called eks-cluster-arn or eks-cluster-name",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:RequestTag/team": "x"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals aws:RequestTag/team: it wants x, and EKS does not send it; EKS "
                "sends only the tags eks-cluster-arn, eks-cluster-name, kubernetes-namespace, "
                "kubernetes-service-account, kubernetes-pod-name, kubernetes-pod-uid",
            ),
        ),
        (
            [statement({"StringEquals": {OIDC.split("/", 1)[1] + ":sub": "system:serviceaccount:shop:orders"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub: it wants "
                "system:serviceaccount:shop:orders, and EKS does not send it; "
                "this condition belongs to IRSA; EKS Pod Identity sends no OIDC claims",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals aws:PrincipalTag/kubernetes-namespace: it wants shop, and EKS does "
                "not send it; at this hop the session tags are aws:RequestTag/…",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals aws:PrincipalOrgID: it wants o-1, and EKS does not send it; "
                "for an AWS service the key is aws:SourceOrgID or aws:SourceOrgPaths",
            ),
        ),
        (
            [statement({"StringEquals": {"sts:RoleSessionName": "ops"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] fails on StringEquals sts:RoleSessionName: it wants ops, and EKS sends a value that "
                "begins with eks-demo-",
            ),
        ),
        (
            [_exact(), statement({"StringEquals": {NS: "shop"}}, Effect="Deny", Sid="No")],
            (
                "trust-condition-never-matches",
                f"Statement[1] (No) denies it because of StringEquals {NS} (EKS sends shop), "
                "and Deny wins over every Allow",
            ),
        ),
    ],
)
def test_what_keeps_a_service_account_out(statements: list[Mapping[str, Any]], expected: tuple[str, str]) -> None:
    assert _findings(IDENTITY, *statements) == [(expected[0], "error", expected[1])]


def test_every_failing_condition_is_named_and_the_nearest_statement_speaks() -> None:
    far = statement({"StringEquals": {NS: "a", SA: "b", "aws:SourceAccount": "c"}})
    near = statement({"StringEquals": {NS: "web", SA: "front", "aws:SourceAccount": ACCOUNT}})
    assert _findings(IDENTITY, far, near) == [
        (
            "trust-condition-never-matches",
            "error",
            f"Statement[1] fails on StringEquals {NS}: it wants web, and EKS sends shop",
        ),
        (
            "trust-condition-never-matches",
            "error",
            f"Statement[1] fails on StringEquals {SA}: it wants front, and EKS sends orders",
        ),
    ]


def test_both_actions_missing() -> None:
    assert [(id_, severity) for id_, severity, _ in _findings(IDENTITY, _exact(Action="sts:GetCallerIdentity"))] == [
        ("trust-missing-tag-session", "error"),
        ("trust-missing-tag-session", "error"),
    ]


def test_while_session_tags_are_off() -> None:
    message = (
        f"Statement[0] fails on StringEquals {NS}: it wants shop, and EKS does not send it; "
        "session tags are off, so no aws:RequestTag is sent"
    )
    id_ = "trust-request-tag-with-tags-disabled"
    assert _findings(UNTAGGED, statement({"StringEquals": {NS: "shop"}})) == [(id_, "error", message)]
    keys = statement({"ForAnyValue:StringEquals": {"aws:TagKeys": "eks-cluster-arn"}})
    assert [found[:2] for found in _findings(UNTAGGED, keys)] == [(id_, "error")]
    denied = [statement(), statement({"Null": {NS: "true"}}, Effect="Deny", Action="sts:TagSession")]
    assert _findings(UNTAGGED, *denied)[:1] == [
        (
            id_,
            "warn",
            f"Statement[1] denies it because of Null {NS} (EKS does not send it), and Deny wins over every Allow",
        )
    ]
    only_assume = build_statement(UNTAGGED) | {"Action": "sts:AssumeRole"}
    assert [found[:2] for found in _findings(UNTAGGED, only_assume)] == [("trust-missing-tag-session", "warn")]


def test_too_broad_names_the_statement_that_lets_strangers_in() -> None:
    message = (
        "Statement[1] (Wide) lets in every service account of every cluster: "
        "whoever may create an association can use the role"
    )
    assert _findings(IDENTITY, _exact(), statement(Sid="Wide")) == [("trust-too-broad", "warn", message)]
    everything = statement({"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}})
    assert [found[0] for found in _findings(IDENTITY, everything)] == ["trust-too-broad"]
    account = f"90909090{'9090'}"
    there = PodIdentity(CLUSTER.replace(ACCOUNT, account), "shop", "orders")
    assert _findings(there, statement({"StringEquals": {"aws:SourceAccount": account}})) == []


@pytest.mark.parametrize(
    ("condition", "kind", "words"),
    [
        (build_statement(IDENTITY)["Condition"], "service-account", "only shop/orders in cluster demo"),
        ({"ArnEquals": {"aws:SourceArn": CLUSTER}}, "cluster", "any pod in cluster demo"),
        (
            {"ArnEquals": {"aws:SourceArn": CLUSTER}, "StringEquals": {NS: "shop"}},
            "namespace",
            "any pod in namespace shop in cluster demo",
        ),
        (
            {"ArnEquals": {"aws:SourceArn": CLUSTER}, "StringEquals": {SA: "orders"}},
            "cluster",
            "service account orders in any namespace in cluster demo",
        ),
        (
            {"ArnEquals": {"aws:SourceArn": CLUSTER}, "StringEquals": {NS: "shop", SA: ["orders", "cart"]}},
            "namespace",
            "service account orders or cart in namespace shop in cluster demo",
        ),
        (
            {"ArnEquals": {"aws:SourceArn": CLUSTER}, "StringLike": {NS: "sh*"}},
            "cluster",
            "any pod in namespace sh* in cluster demo",
        ),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, "account", f"any pod of any cluster in account {ACCOUNT}"),
        (
            {"StringEquals": {"aws:SourceAccount": ACCOUNT, NS: "shop"}},
            "account",
            f"any pod in namespace shop in any cluster in account {ACCOUNT}",
        ),
        (
            {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": CLUSTER + "*"}},
            "account",
            f"any pod in cluster {CLUSTER}*",
        ),
        ({}, "account", f"any pod of any cluster in account {ACCOUNT}"),
        ({"StringEquals": {NS: "shop", SA: "orders"}}, "account", f"shop/orders in any cluster in account {ACCOUNT}"),
        (
            {"StringEquals": {"aws:RequestTag/eks-cluster-name": "demo"}},
            "cluster",
            "any pod in cluster demo",
        ),
        (
            {"StringEquals": {"aws:SourceAccount": [ACCOUNT, "2"]}},
            "account",
            f"any pod of any cluster in account {ACCOUNT}",
        ),
        (
            {"ArnEquals": {"aws:SourceArn": CLUSTER}, "StringLike": {"aws:RequestTag/kubernetes-pod-name": "orders-*"}},
            "cluster",
            "any pod in cluster demo, if further conditions hold",
        ),
    ],
)
def test_scope_as_a_value_and_in_words(condition: Mapping[str, Any], kind: str, words: str) -> None:
    found = evaluate(policy(statement(condition)), replace(IDENTITY, pods=(LivePod("orders-1", "u"),)))
    assert found.scope is not None
    assert (found.scope.kind.value, found.scope.words) == (kind, words)


def test_no_scope_where_nobody_surely_gets_in() -> None:
    assert evaluate(policy(statement({"Weird": {NS: "x"}})), IDENTITY).scope is None
    assert evaluate(policy(statement(Principal={"AWS": BASE_ROLE})), HOP).scope is None
    assert Scope(ScopeKind.ANY, "x").narrowed


@pytest.mark.parametrize(
    ("request_", "statements", "expected"),
    [
        (
            HOP,
            [statement(Principal={"AWS": "1"})],
            ("target-role-trust-broken", "error", f"no statement lets {BASE_ROLE} in: the trust names 1"),
        ),
        (
            HOP,
            [statement(Principal={"AWS": BASE_ROLE}, Action="sts:AssumeRole")],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] lets {BASE_ROLE} in, but not for sts:TagSession; both actions are needed",
            ),
        ),
        (
            UNTAGGED_HOP,
            [statement(Principal={"AWS": BASE_ROLE}, Action="sts:AssumeRole")],
            (
                "target-role-trust-broken",
                "warn",
                f"Statement[0] lets {BASE_ROLE} in, but not for sts:TagSession; both actions are needed",
            ),
        ),
        (
            UNTAGGED_HOP,
            [statement({"StringEquals": {"sts:ExternalId": "x"}}, Principal={"AWS": BASE_ROLE})],
            (
                "external-id-mismatch",
                "error",
                f"Statement[0] fails on StringEquals sts:ExternalId: it wants x, and the request holds {EXTERNAL_ID}",
            ),
        ),
        (
            HOP,
            [statement({"StringEquals": {NS: "web"}}, Principal={"AWS": BASE_ROLE})],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] fails on StringEquals {NS}: it wants web, and the request holds shop",
            ),
        ),
        (
            UNTAGGED_HOP,
            [statement({"StringEquals": {NS: "shop"}}, Principal={"AWS": BASE_ROLE})],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] fails on StringEquals {NS}: it wants shop, and the request does not hold it; "
                "session tags are off, so no aws:RequestTag is sent",
            ),
        ),
        (
            HOP,
            [statement({"ArnEquals": {"aws:SourceArn": CLUSTER}}, Principal={"AWS": BASE_ROLE})],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] fails on ArnEquals aws:SourceArn: it wants {CLUSTER}, and the request does not hold it",
            ),
        ),
        (
            HOP,
            [statement(Principal={"AWS": BASE_ROLE}), statement(Principal={"AWS": BASE_ROLE}, Effect="Deny")],
            ("target-role-trust-broken", "error", "Statement[1] denies it, and Deny wins over every Allow"),
        ),
        (
            HOP,
            [statement(Principal={"AWS": [BASE_ROLE, "AROAEXAMPLE1234567890"]})],
            (
                "role-recreated",
                "warn",
                "the trust names AROAEXAMPLE1234567890, the unique id of a deleted role or user; "
                "a new one of that name does not count",
            ),
        ),
    ],
)
def test_findings_at_hop_2(
    request_: TargetHop, statements: list[Mapping[str, Any]], expected: tuple[str, str, str]
) -> None:
    assert _findings(request_, *statements) == [expected]


def test_a_recreated_base_role() -> None:
    found = _findings(HOP, statement(Principal={"AWS": "AROAEXAMPLE1234567890"}))
    assert [finding[:2] for finding in found] == [
        ("role-recreated", "error"),
        ("target-role-trust-broken", "error"),
    ]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (statement(Principal="*"), 'the principal is "*", and podid does not take that for an answer'),
        (statement(Principal={"Robot": "x"}), "the principal is a role session or of a kind that podid does not know"),
        (statement(Principal=None, NotPrincipal={"AWS": "1"}), "NotPrincipal is not evaluated by podid"),
        (statement(Action=None, NotAction="x:y"), "NotAction is not evaluated by podid"),
        (statement(Resource="*"), "it has Resource, which IAM does not take in a trust policy"),
        (statement({"Weird": {NS: "x"}}), "Weird is not an operator that podid knows"),
        (
            statement({"StringEquals": {NS: []}}),
            f"StringEquals {NS} has no values, and AWS does not document what that means",
        ),
        (
            statement({"ForAnyValue:StringEqualsIfExists": {"aws:CalledVia": "x"}}),
            "ForAnyValue:StringEqualsIfExists aws:CalledVia cannot be decided: "
            "the key is not sent, and AWS does not document what that means here",
        ),
        (statement({"StringEquals": {"aws:Foo": "x"}}), "whether and how aws:Foo is sent is not known"),
        (
            statement({"DateLessThan": {"aws:CurrentTime": "2027-01-01"}}),
            "DateLessThan aws:CurrentTime cannot be decided: "
            "the value of the clock at the time of the request is not known here",
        ),
        (
            statement({"StringEquals": {"aws:SourceOrgID": "o-1"}}),
            "StringEquals aws:SourceOrgID cannot be decided: "
            f"the value of aws:SourceOrgID, the organisation of account {ACCOUNT}, is not known here",
        ),
        (
            statement({"StringEquals": {"aws:TagKeys": "eks-cluster-arn"}}),
            "StringEquals aws:TagKeys compares a key of many values without ForAllValues or ForAnyValue",
        ),
        (
            statement({"StringEquals": {NS: "${aws:Foo}"}}),
            f"StringEquals {NS} has a policy variable whose value is not known",
        ),
        (statement({"Bool": {NS: "true"}}), f"Bool {NS} cannot be decided: true does not compare with shop"),
    ],
)
def test_why_a_verdict_is_unknown(members: dict[str, Any], reason: str) -> None:
    found = evaluate(policy(members), IDENTITY)
    assert found.assume_role.reason == f"Statement[0] may allow it: {reason}"
    assert {finding.id for finding in found.findings} <= {"trust-too-broad"}


def test_an_unknown_deny_is_named() -> None:
    found = evaluate(policy(_exact(), statement({"Weird": {NS: "x"}}, Effect="Deny", Sid="D")), IDENTITY)
    assert found.assume_role.reason == "Statement[1] (D) may deny it: Weird is not an operator that podid knows"
    assert (found.assume_role.statement, found.assume_role.sid) == (1, "D")


def test_the_deciding_allow_is_named() -> None:
    found = evaluate(policy(statement(Principal={"AWS": "1"}), statement(Sid="Yes")), IDENTITY)
    assert (found.assume_role.statement, found.assume_role.sid, found.assume_role.reason) == (
        1,
        "Yes",
        "Statement[1] (Yes) allows it",
    )
