"""What podid writes, and what it leaves alone."""

import json
from dataclasses import replace
from typing import Any

import pytest

from domain.trust.trust_helpers import (
    ACCOUNT,
    BOTH,
    CART,
    CLUSTER,
    EQUALS,
    HOP,
    IDENTITY,
    OTHER,
    PODS,
    UNTAGGED,
    UNTAGGED_HOP,
    policy,
    raws,
    statement,
)
from harness import table
from podid.domain.errors import InvalidInput
from podid.domain.iam import TRUST_POLICY_QUOTA
from podid.domain.trust import (
    LivePod,
    PodIdentity,
    ScopeKind,
    TrustVerdict,
    add,
    base_role_permissions,
    build_statement,
    effective_scope,
    evaluate,
    new_policy,
    other_principals,
    overwritten,
    parse_policy,
    policy_size,
    remove,
    target_policy,
    tighten,
    unwritable_principals,
)

WEB = PodIdentity(CLUSTER, "web", "front")


def test_the_statement_for_one_service_account() -> None:
    assert build_statement(IDENTITY) == {
        "Sid": "Podidd27beb1e",
        "Effect": "Allow",
        "Principal": {"Service": PODS},
        "Action": BOTH,
        "Condition": {"StringEquals": EQUALS, "ArnEquals": {"aws:SourceArn": CLUSTER}},
    }


@table(
    ("identity", "scope", "keys", "arn"),
    [
        (IDENTITY, ScopeKind.NAMESPACE, ["aws:SourceAccount", "aws:RequestTag/kubernetes-namespace"], True),
        (IDENTITY, ScopeKind.CLUSTER, ["aws:SourceAccount"], True),
        (IDENTITY, ScopeKind.ACCOUNT, ["aws:SourceAccount"], False),
        (UNTAGGED, ScopeKind.SERVICE_ACCOUNT, ["aws:SourceAccount"], True),
        (UNTAGGED, ScopeKind.NAMESPACE, ["aws:SourceAccount"], True),
        (UNTAGGED, ScopeKind.ACCOUNT, ["aws:SourceAccount"], False),
    ],
)
def test_the_conditions_at_each_scope(identity: PodIdentity, scope: ScopeKind, keys: list[str], arn: bool) -> None:
    condition: Any = build_statement(identity, scope)["Condition"]
    expected: dict[str, Any] = {"StringEquals": {key: EQUALS[key] for key in keys}}
    assert condition == expected | ({"ArnEquals": {"aws:SourceArn": CLUSTER}} if arn else {})
    built = evaluate(new_policy(identity, scope), identity)
    assert built.verdict is TrustVerdict.MATCH
    assert built.scope is not None
    assert built.scope.kind is effective_scope(identity, scope)


@pytest.mark.parametrize(
    ("identity", "scope"),
    [
        (IDENTITY, ScopeKind.ANY),
        (replace(IDENTITY, namespace="*"), ScopeKind.SERVICE_ACCOUNT),
        (replace(IDENTITY, service_account="${x}"), ScopeKind.SERVICE_ACCOUNT),
    ],
)
def test_identities_that_podid_does_not_write(identity: PodIdentity, scope: ScopeKind) -> None:
    with pytest.raises(InvalidInput):
        build_statement(identity, scope)


@pytest.mark.parametrize(
    "part", [f"eu-west-1:{ACCOUNT}:cluster/*", f"*:{ACCOUNT}:cluster/demo", "eu-west-1:*:cluster/demo"]
)
def test_an_identity_of_many_clusters_cannot_even_be_asked_about(part: str) -> None:
    with pytest.raises(InvalidInput, match="is not the ARN of an EKS cluster"):
        replace(IDENTITY, cluster_arn=f"arn:aws:eks:{part}")


def test_new_policy() -> None:
    assert new_policy(IDENTITY).to_document() == {"Version": "2012-10-17", "Statement": [build_statement(IDENTITY)]}


def test_size_counts_characters_without_white_space() -> None:
    spaced = policy(statement(Sid="a b"))
    assert policy_size(spaced) == len(json.dumps(spaced.to_document()).replace(" ", ""))
    assert policy_size(new_policy(IDENTITY)) == 417
    assert TRUST_POLICY_QUOTA == 2048


def test_add_appends_and_keeps_the_rest() -> None:
    edit = add(policy(OTHER), IDENTITY)
    assert edit.policy.to_document() == {"Version": "2012-10-17", "Statement": [OTHER, build_statement(IDENTITY)]}
    assert (edit.changed, edit.reason, edit.statement) == (True, "Statement[1] (Podidd27beb1e) was added", 1)
    assert edit.size == policy_size(edit.policy)


@table(
    ("present", "scope", "reason"),
    [
        (
            [build_statement(IDENTITY)],
            ScopeKind.SERVICE_ACCOUNT,
            "Statement[0] (Podidd27beb1e) already allows shop/orders",
        ),
        ([OTHER, statement(Action="sts:*")], ScopeKind.SERVICE_ACCOUNT, "Statement[1] already allows shop/orders"),
        ([statement()], ScopeKind.ACCOUNT, "Statement[0] already allows shop/orders"),
        (
            [statement({"StringLike": {"aws:RequestTag/kubernetes-namespace": "sh*"}})],
            ScopeKind.NAMESPACE,
            "Statement[0] already allows shop/orders",
        ),
        (
            [statement({"ArnEquals": {"aws:SourceArn": CLUSTER}})],
            ScopeKind.CLUSTER,
            "Statement[0] already allows shop/orders",
        ),
        (
            [statement(Action="sts:TagSession"), statement(Action="sts:AssumeRole")],
            ScopeKind.SERVICE_ACCOUNT,
            "Statement[0] already allows shop/orders",
        ),
        (
            [statement(), statement({"Weird": {"aws:Foo": "x"}}, Sid="Perhaps", Effect="Deny")],
            ScopeKind.CLUSTER,
            "Statement[0] already allows shop/orders, but Statement[1] (Perhaps) may deny the request: "
            "podid does not know the operator Weird",
        ),
        (
            [statement(), statement(Sid="No", Effect="Deny")],
            ScopeKind.SERVICE_ACCOUNT,
            "Statement[1] (No) denies the request; an explicit Deny overrides every Allow; another Allow statement "
            "would have no effect",
        ),
        (
            [statement(), statement(Action="sts:TagSession", Effect="Deny")],
            ScopeKind.SERVICE_ACCOUNT,
            "Statement[1] denies the request; an explicit Deny overrides every Allow; another Allow statement would "
            "have no effect",
        ),
    ],
)
def test_add_changes_nothing_where_access_is_there_or_cannot_be(
    present: list[dict[str, Any]], scope: ScopeKind, reason: str
) -> None:
    before = policy(*present)
    edit = add(before, IDENTITY, scope)
    assert (edit.policy, edit.changed, edit.reason) == (before, False, reason)
    assert edit.size == policy_size(before)


@table(
    ("present", "scope"),
    [
        (statement(Action="sts:AssumeRole"), ScopeKind.SERVICE_ACCOUNT),
        (statement({"StringEquals": {"aws:Foo": "x"}}), ScopeKind.SERVICE_ACCOUNT),
        (statement({"DateLessThan": {"aws:CurrentTime": "2099-01-01"}}), ScopeKind.SERVICE_ACCOUNT),
        (statement({"StringLike": {"aws:RequestTag/kubernetes-pod-name": "orders*"}}), ScopeKind.SERVICE_ACCOUNT),
        (build_statement(IDENTITY), ScopeKind.NAMESPACE),
        (statement({"StringNotEquals": {"aws:RequestTag/kubernetes-service-account": "x"}}), ScopeKind.NAMESPACE),
        (build_statement(IDENTITY, ScopeKind.NAMESPACE), ScopeKind.CLUSTER),
        (build_statement(IDENTITY, ScopeKind.CLUSTER), ScopeKind.ACCOUNT),
    ],
)
def test_add_where_access_is_missing_narrower_or_not_sure(present: dict[str, Any], scope: ScopeKind) -> None:
    identity = replace(IDENTITY, pods=(LivePod("orders-1", "u"),))
    edit = add(policy(present), identity, scope)
    assert raws(edit.policy) == [present, build_statement(IDENTITY, scope)]
    assert edit.changed


def test_add_without_session_tags_beside_a_statement_for_tags() -> None:
    edit = add(new_policy(IDENTITY), UNTAGGED)
    assert raws(edit.policy) == [build_statement(IDENTITY), build_statement(UNTAGGED)]


def test_add_to_a_single_statement_and_back() -> None:
    single = parse_policy({"Statement": OTHER})
    edit = add(single, IDENTITY)
    assert edit.policy.to_document() == {"Statement": [OTHER, build_statement(IDENTITY)]}
    assert remove(edit.policy, IDENTITY).policy.to_document() == {"Statement": OTHER}


def test_add_takes_a_free_sid() -> None:
    sid = "Podidd27beb1e"
    edit = add(policy(OTHER | {"Sid": sid}, OTHER | {"Sid": sid + "n2"}), IDENTITY)
    assert edit.policy.statements[2].sid == sid + "n3"
    assert remove(edit.policy, IDENTITY).changed


def test_a_trust_that_names_a_deleted_role_is_not_edited() -> None:
    gone = statement(Principal={"AWS": ["AROAEXAMPLE1234567890", "arn:aws:iam::1:root", "AIDAEXAMPLE1234567890"]})
    before = policy(gone, build_statement(IDENTITY), statement(Sid="Wide"))
    assert unwritable_principals(before) == ("AROAEXAMPLE1234567890", "AIDAEXAMPLE1234567890")
    reason = (
        "IAM rejects any change of a trust policy that names AROAEXAMPLE1234567890, AIDAEXAMPLE1234567890, "
        "the unique id of a deleted role or user: replace it with an ARN first"
    )
    untagged_elsewhere = PodIdentity(CLUSTER, "web", "front")
    for edit in (
        add(policy(gone), untagged_elsewhere),
        remove(before, IDENTITY),
        tighten(before, [IDENTITY]),
    ):
        assert (edit.changed, edit.reason, edit.statement) == (False, reason, None)


def test_tighten_replaces_wide_statements_in_their_place() -> None:
    before = policy(
        OTHER,
        statement(Action="sts:AssumeRole"),
        statement({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, Effect="Deny", Principal={"AWS": "1"}),
        statement(Sid="Tags", Action="sts:TagSession"),
        build_statement(WEB),
    )
    edit = tighten(before, [IDENTITY, CART, WEB, IDENTITY])
    assert raws(edit.policy) == [
        OTHER,
        build_statement(IDENTITY),
        build_statement(CART),
        before.statements[2].raw,
        build_statement(WEB),
    ]
    assert (edit.changed, edit.statement) == (True, 1)
    assert edit.reason == "2 new statements replace Statement[1], Statement[3] (Tags)"
    again = tighten(edit.policy, [IDENTITY, CART, WEB])
    assert (again.changed, again.reason) == (
        False,
        "every statement for EKS Pod Identity is already as narrow as possible",
    )


def test_tighten_says_which_exact_statements_stay() -> None:
    edit = tighten(policy(build_statement(WEB), build_statement(IDENTITY), statement(Sid="Wide")), [IDENTITY])
    assert raws(edit.policy) == [build_statement(WEB), build_statement(IDENTITY)]
    label = f"Statement[0] ({build_statement(WEB)['Sid']})"
    assert edit.reason == (
        f"Statement[2] (Wide) was removed; the former {label} still allows service accounts that were not specified"
    )
    assert edit.statement is None


@table(
    ("present", "reason"),
    [
        (
            [statement(Principal={"Service": [PODS, "ec2.amazonaws.com"]})],
            "Statement[0] cannot be replaced: it also names ec2.amazonaws.com",
        ),
        (
            [build_statement(IDENTITY), statement(Principal="*")],
            "Statement[1] cannot be replaced: it also names *",
        ),
        (
            [build_statement(IDENTITY), statement(Principal=None, NotPrincipal={"AWS": "1"})],
            "Statement[1] cannot be replaced: it uses NotPrincipal",
        ),
        (
            [build_statement(IDENTITY), statement(Action=None, NotAction="sts:GetCallerIdentity")],
            "Statement[1] cannot be replaced: it uses NotAction",
        ),
        (
            [build_statement(IDENTITY), statement(Resource="*")],
            "Statement[1] cannot be replaced: it has Resource",
        ),
        (
            [statement({"StringNotEquals": {"aws:PrincipalTag/x": "y"}})],
            "Statement[0] cannot be replaced: its condition StringNotEquals aws:PrincipalTag/x would be lost",
        ),
        (
            [OTHER],
            "tightening only removes access, and it is not certain that shop/orders in demo has access today: "
            "no statement allows pods.eks.amazonaws.com: the trust policy names ec2.amazonaws.com",
        ),
        (
            [statement(Action="sts:AssumeRole")],
            "tightening only removes access, and it is not certain that shop/orders in demo has access today: "
            "Statement[0] applies to pods.eks.amazonaws.com, but does not allow sts:TagSession",
        ),
        ([build_statement(IDENTITY), OTHER], "every statement for EKS Pod Identity is already as narrow as possible"),
    ],
)
def test_tighten_refuses(present: list[dict[str, Any]], reason: str) -> None:
    before = policy(*present)
    edit = tighten(before, [IDENTITY])
    assert (edit.policy, edit.changed, edit.reason) == (before, False, reason)


def test_tighten_to_nobody() -> None:
    wide = policy(statement())
    assert tighten(wide, []).reason == "no service account was specified, and the trust policy would allow none"


def test_tighten_names_no_statement_that_relied_on_the_session_tags_of_a_removed_one() -> None:
    alone = {**build_statement(CART), "Action": "sts:AssumeRole"}
    edit = tighten(policy(alone, statement(Action="sts:TagSession"), statement()), [IDENTITY])
    assert edit.changed
    assert "still allow" not in edit.reason
    assert evaluate(edit.policy, CART).verdict is TrustVerdict.NO_MATCH


def test_tighten_leaves_statements_for_other_actions() -> None:
    irsa_like = statement(Sid="Other", Action="sts:SetSourceIdentity")
    edit = tighten(policy(irsa_like, statement()), [UNTAGGED])
    assert raws(edit.policy) == [irsa_like, build_statement(UNTAGGED)]


def test_other_principals() -> None:
    trust = policy(
        statement(Principal={"Service": [PODS, "ec2.amazonaws.com"], "AWS": "1"}),
        statement(Principal="*", Effect="Deny"),
        statement(Principal={"AWS": "2"}, Action="sts:TagSession"),
        statement(Principal={"Federated": "3"}, Action="sts:AssumeRoleWithWebIdentity"),
        statement(Principal=None, NotPrincipal={"Service": PODS}),
        OTHER,
    )
    assert other_principals(trust) == ("ec2.amazonaws.com", "1", "3", f"everyone except {PODS}")


def test_the_trust_policy_of_a_target_role() -> None:
    for hop in (HOP, UNTAGGED_HOP, replace(UNTAGGED_HOP, external_id=None)):
        assert evaluate(parse_policy(target_policy(hop)), hop).verdict is TrustVerdict.MATCH
    stranger = replace(HOP, pod=CART)
    assert evaluate(parse_policy(target_policy(HOP)), stranger).verdict is TrustVerdict.NO_MATCH
    assert base_role_permissions("arn:aws:iam::2:role/t") == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": BOTH, "Resource": "arn:aws:iam::2:role/t"}],
    }


FORMER = {"Sid": "Old", "Effect": "Allow", "Action": ["sts:AssumeRole"]}
ADDED = {"Sid": "New", "Effect": "Allow", "Action": "sts:TagSession"}
OTHERS = {"Effect": "Deny", "Action": "*"}


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        ([ADDED], ()),
        ([OTHERS, {**ADDED, "Sid": "Renamed", "Action": ["sts:TagSession"]}], ()),
        ([OTHERS], ("Statement[1] (New) is missing",)),
        ([], ("Statement[1] (New) is missing",)),
        ("no statement", ("Statement[1] (New) is missing",)),
        ([ADDED, OTHERS, {**FORMER, "Action": "sts:AssumeRole"}], ("Statement[2] (Old) is there again",)),
        ([FORMER], ("Statement[1] (New) is missing", "Statement[0] (Old) is there again")),
        (FORMER, ("Statement[1] (New) is missing", "Statement[0] (Old) is there again")),
    ],
)
def test_a_change_is_overwritten(now: object, lost: tuple[str, ...]) -> None:
    """OTHERS was there before and stays in podid's document; it is another writer's to remove."""
    before, after = {"Statement": [FORMER, OTHERS]}, {"Statement": [OTHERS, ADDED]}
    assert overwritten(before, after, {"Statement": now}) == lost
