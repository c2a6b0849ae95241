"""Sentences, findings and scopes, whole as a person reads them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain.trust.trust_helpers import (
    ACCOUNT,
    BASE_ROLE,
    CLUSTER,
    HOP,
    IDENTITY,
    NS,
    OIDC,
    PODS,
    SA,
    exact,
    findings,
    policy,
    statement,
)
from harness import table
from podid.domain.trust import (
    LivePod,
    Scope,
    ScopeKind,
    build_statement,
    evaluate,
)


@table(
    ("statements", "expected"),
    [
        (
            [statement(Principal={"Service": "ec2.amazonaws.com"})],
            ("trust-wrong-principal", f"no statement allows {PODS}: the trust policy names ec2.amazonaws.com"),
        ),
        (
            [statement(Principal={"Service": [PODS + ".cn", "eks.amazonaws.com"]})],
            (
                "trust-wrong-principal",
                f"no statement allows {PODS}: the trust policy names {PODS}.cn, eks.amazonaws.com; "
                f"the service principal is {PODS} in every partition",
            ),
        ),
        (
            [statement(Principal={"Federated": OIDC}, Action="sts:AssumeRoleWithWebIdentity")],
            ("trust-wrong-principal", f"this is an IRSA role: its trust policy names only {OIDC}, not {PODS}"),
        ),
        (
            [statement(Effect="Deny", Principal={"AWS": "1"})],
            ("trust-wrong-principal", f"no statement allows {PODS}"),
        ),
        (
            [exact(Sid="A", Action="sts:AssumeRole")],
            (
                "trust-missing-tag-session",
                f"Statement[0] (A) applies to {PODS}, but does not allow sts:TagSession; both actions are required",
            ),
        ),
        (
            [
                statement({"StringEquals": {NS: "web"}}, Action="sts:AssumeRole"),
                exact(Sid="", Action="sts:AssumeRole"),
            ],
            (
                "trust-missing-tag-session",
                f"Statement[1] applies to {PODS}, but does not allow sts:TagSession; both actions are required",
            ),
        ),
        (
            [statement({"StringEquals": {NS: "web"}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] does not match: StringEquals {NS} requires web, but EKS sends shop",
            ),
        ),
        (
            [statement({"StringEquals": {NS: ["web", "Shop"]}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] does not match: StringEquals {NS} requires web or Shop, but EKS sends shop; "
                "the comparison is case-sensitive",
            ),
        ),
        (
            [statement({"StringNotEquals": {NS: ["web", "shop"]}})],
            (
                "trust-condition-never-matches",
                f"Statement[0] does not match: StringNotEquals {NS} excludes web or shop, and EKS sends shop",
            ),
        ),
        (
            [statement({"ForAllValues:StringEquals": {"aws:TagKeys": ["kubernetes-namespace"]}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: ForAllValues:StringEquals aws:TagKeys requires kubernetes-namespace, but "
                "EKS sends eks-cluster-arn, eks-cluster-name, kubernetes-namespace, kubernetes-service-account, "
                "kubernetes-pod-name, kubernetes-pod-uid",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals aws:SourceArn requires arn:aws:eks:*:*:cluster/*, "
                f"but EKS sends {CLUSTER}; * and ? are literal characters in StringEquals; use StringLike",
            ),
        ),
        (
            [statement({"ArnLike": {"aws:SourceArn": "arn:aws:eks:*/demo"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: ArnLike aws:SourceArn requires arn:aws:eks:*/demo, but EKS sends "
                f"{CLUSTER}; "
                "an ARN pattern has six parts, and * does not match a colon",
            ),
        ),
        (
            [statement({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:podidentityassociation/demo/*"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: ArnLike aws:SourceArn requires "
                f"arn:aws:eks:*:{ACCOUNT}:podidentityassociation/"
                f"demo/*, but EKS sends {CLUSTER}; aws:SourceArn is the cluster's ARN, never the association's",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:RequestTag/kubernetes-serviceaccount": "orders"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals aws:RequestTag/kubernetes-serviceaccount requires orders, "
                "but EKS "
                "does not send it; the session tag is kubernetes-service-account",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:RequestTag/eks-cluster": "demo"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals aws:RequestTag/eks-cluster requires demo, but EKS does not "
                "send "
                "it; the session tag is eks-cluster-arn or eks-cluster-name",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:RequestTag/team": "x"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals aws:RequestTag/team requires x, but EKS does not send it; "
                "EKS "
                "sends only the tags eks-cluster-arn, eks-cluster-name, kubernetes-namespace, "
                "kubernetes-service-account, kubernetes-pod-name, kubernetes-pod-uid",
            ),
        ),
        (
            [statement({"StringEquals": {OIDC.split("/", 1)[1] + ":sub": "system:serviceaccount:shop:orders"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub requires "
                "system:serviceaccount:shop:orders, but EKS does not send it; "
                "this condition belongs to IRSA; EKS Pod Identity sends no OIDC claims",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals aws:PrincipalTag/kubernetes-namespace requires shop, but "
                "EKS does "
                "not send it; EKS sends the session tags as aws:RequestTag/…",
            ),
        ),
        (
            [statement({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals aws:PrincipalOrgID requires o-1, but EKS does not send it; "
                "for an AWS service the key is aws:SourceOrgID or aws:SourceOrgPaths",
            ),
        ),
        (
            [statement({"StringEquals": {"sts:RoleSessionName": "ops"}})],
            (
                "trust-condition-never-matches",
                "Statement[0] does not match: StringEquals sts:RoleSessionName requires ops, but EKS sends a value "
                "that "
                "begins with eks-demo-",
            ),
        ),
        (
            [exact(), statement({"StringEquals": {NS: "shop"}}, Effect="Deny", Sid="No")],
            (
                "trust-condition-never-matches",
                f"Statement[1] (No) denies the request because of StringEquals {NS} (EKS sends shop); "
                "an explicit Deny overrides every Allow",
            ),
        ),
    ],
)
def test_reasons_against_a_service_account(statements: list[Mapping[str, Any]], expected: tuple[str, str]) -> None:
    assert findings(IDENTITY, *statements) == [(expected[0], "error", expected[1])]


def test_every_failing_condition_is_named_and_the_nearest_statement_speaks() -> None:
    far = statement({"StringEquals": {NS: "a", SA: "b", "aws:SourceAccount": "c"}})
    near = statement({"StringEquals": {NS: "web", SA: "front", "aws:SourceAccount": ACCOUNT}})
    assert findings(IDENTITY, far, near) == [
        (
            "trust-condition-never-matches",
            "error",
            f"Statement[1] does not match: StringEquals {NS} requires web, but EKS sends shop",
        ),
        (
            "trust-condition-never-matches",
            "error",
            f"Statement[1] does not match: StringEquals {SA} requires front, but EKS sends orders",
        ),
    ]


@table(
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
            "any pod in cluster demo, if further conditions match",
        ),
    ],
)
def test_scope_as_a_value_and_in_words(condition: Mapping[str, Any], kind: str, words: str) -> None:
    evaluation = evaluate(policy(statement(condition)), replace(IDENTITY, pods=(LivePod("orders-1", "u"),)))
    assert evaluation.scope is not None
    assert (evaluation.scope.kind.value, evaluation.scope.words) == (kind, words)


def test_no_scope_where_nobody_surely_gets_in() -> None:
    assert evaluate(policy(statement({"Weird": {NS: "x"}})), IDENTITY).scope is None
    assert evaluate(policy(statement(Principal={"AWS": BASE_ROLE})), HOP).scope is None
    assert Scope(ScopeKind.ANY, "x").narrowed


def test_a_recreated_base_role() -> None:
    evaluation = findings(HOP, statement(Principal={"AWS": "AROAEXAMPLE1234567890"}))
    assert [finding[:2] for finding in evaluation] == [
        ("role-recreated", "error"),
        ("target-role-trust-broken", "error"),
    ]


@table(
    ("members", "reason"),
    [
        (statement(Principal="*"), 'the principal is "*", and AWS does not document whether that allows AWS services'),
        (
            statement(Principal={"Robot": "x"}),
            "the principal is a role session, or of a kind that podid does not evaluate",
        ),
        (statement(Principal=None, NotPrincipal={"AWS": "1"}), "podid does not evaluate NotPrincipal"),
        (statement(Action=None, NotAction="x:y"), "podid does not evaluate NotAction"),
        (statement(Resource="*"), "it has Resource, which IAM does not accept in a trust policy"),
        (statement({"Weird": {NS: "x"}}), "podid does not know the operator Weird"),
        (
            statement({"StringEquals": {NS: []}}),
            f"StringEquals {NS} has no values, and AWS does not document the result",
        ),
        (
            statement({"ForAnyValue:StringEqualsIfExists": {"aws:CalledVia": "x"}}),
            "ForAnyValue:StringEqualsIfExists aws:CalledVia cannot be evaluated: "
            "the request does not contain the key, and AWS does not document the result",
        ),
        (
            statement({"StringEquals": {"aws:Foo": "x"}}),
            "it is not known whether aws:Foo is sent, and with which value",
        ),
        (
            statement({"DateLessThan": {"aws:CurrentTime": "2027-01-01"}}),
            "DateLessThan aws:CurrentTime cannot be evaluated: the value of the request time is not known to podid",
        ),
        (
            statement({"StringEquals": {"aws:SourceOrgID": "o-1"}}),
            "StringEquals aws:SourceOrgID cannot be evaluated: "
            f"the value of aws:SourceOrgID, the organization of account {ACCOUNT}, is not known to podid",
        ),
        (
            statement({"StringEquals": {"aws:TagKeys": "eks-cluster-arn"}}),
            "StringEquals aws:TagKeys compares a multivalued key without ForAllValues or ForAnyValue",
        ),
        (
            statement({"StringEquals": {NS: "${aws:Foo}"}}),
            f"StringEquals {NS} has a policy variable whose value is not known",
        ),
        (statement({"Bool": {NS: "true"}}), f"Bool {NS} cannot be evaluated: true cannot be compared with shop"),
    ],
)
def test_why_a_verdict_is_unknown(members: dict[str, Any], reason: str) -> None:
    evaluation = evaluate(policy(members), IDENTITY)
    assert evaluation.assume_role.reason == f"Statement[0] may allow the request: {reason}"
    assert {finding.id for finding in evaluation.findings} <= {"trust-too-broad"}


def test_an_unknown_deny_is_named() -> None:
    evaluation = evaluate(policy(exact(), statement({"Weird": {NS: "x"}}, Effect="Deny", Sid="D")), IDENTITY)
    assert (
        evaluation.assume_role.reason == "Statement[1] (D) may deny the request: podid does not know the operator Weird"
    )
    assert (evaluation.assume_role.statement, evaluation.assume_role.sid) == (1, "D")


def test_the_deciding_allow_is_named() -> None:
    evaluation = evaluate(policy(statement(Principal={"AWS": "1"}), statement(Sid="Yes")), IDENTITY)
    assert (evaluation.assume_role.statement, evaluation.assume_role.sid, evaluation.assume_role.reason) == (
        1,
        "Yes",
        "Statement[1] (Yes) allows the request",
    )
