"""What fixes may do: nothing that whoever may write to the cluster can turn into rights in AWS, and nothing that cannot
be pasted, whatever things are called."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from harness import table
from parsing import parsed
from podid.checks.all import ALL, BY_ID
from podid.checks.runner import run_checks
from podid.domain.aws import Role
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import FixClass, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.trust import allows_by_issuer, parse_policy

from .builder import ACCOUNT, ROLE_ARN, association, cluster, healthy, role, trust
from .grid import DENIED, only
from .test_three_cases import CASES

BROKEN = {check_id: cases.broken for check_id, cases in CASES.items() if cases.broken is not None}
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
WISH = f"arn:aws:iam::{ACCOUNT}:role/administrator"
HERE = cluster(oidc_issuer=f"https://{ISSUER}")
REF = ServiceAccountRef("shop", "cart")


def by_irsa(provider: str = PROVIDER, **condition: object) -> dict[str, Any]:
    """A trust policy as AWS's guide to IRSA has it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
        or {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:cart", f"{ISSUER}:aud": "sts.amazonaws.com"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def with_deny(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "Statement": [*document["Statement"], {**document["Statement"][0], "Effect": "Deny"}]}


ALLOWING = {
    "this very account": by_irsa(),
    "a pattern": by_irsa(StringLike={f"{ISSUER}:sub": "system:serviceaccount:shop:*"}),
    "any of the cluster": by_irsa(StringEquals={f"{ISSUER}:aud": "sts.amazonaws.com"}),
    "one of a list": by_irsa(
        StringEquals={f"{ISSUER}:sub": ["system:serviceaccount:a:b", "system:serviceaccount:shop:cart"]}
    ),
}
NOT_ALLOWING = {
    "another account": by_irsa(StringEquals={f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}),
    "another namespace": by_irsa(StringLike={f"{ISSUER}:sub": "system:serviceaccount:web:*"}),
    "another cluster": by_irsa(PROVIDER.replace("ABC", "DEF")),
    "the issuer of another account": by_irsa(PROVIDER.replace(ACCOUNT, "444455556666")),
    "another issuer's subject": by_irsa(
        StringEquals={f"{ISSUER.replace('ABC', 'DEF')}:sub": "system:serviceaccount:shop:cart"}
    ),
    "another audience": by_irsa(StringEquals={f"{ISSUER}:aud": "vault"}),
    "a condition that nobody can decide": by_irsa(IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
    "a Deny": with_deny(by_irsa()),
    "pods of any cluster": trust(StringEquals={"aws:SourceAccount": ACCOUNT}),
    "everybody": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}],
    },
    "another action": {**by_irsa(), "Statement": [{**by_irsa()["Statement"][0], "Action": "sts:TagSession"}]},
}


@table("name", [*ALLOWING, *NOT_ALLOWING])
def test_what_a_trust_policy_says_to_irsa(name: str) -> None:
    policy = parse_policy((ALLOWING | NOT_ALLOWING)[name])
    assert allows_by_issuer(policy, PROVIDER, REF) is (name in ALLOWING)
    assert not allows_by_issuer(policy, "", REF)


def annotated(document: dict[str, Any] | None, **sections: Any) -> Snapshot:
    """shop/cart wishes for the administrator's role, which has this trust policy; None where it was not read."""
    account = ServiceAccount(namespace="shop", name="cart", annotations={"eks.amazonaws.com/role-arn": WISH})
    roles = {} if document is None else {WISH: Known(role(WISH, document))}
    base = healthy(**{"cluster": HERE, "service_accounts": (account,), "roles": roles, **sections})
    return replace(base, targets=(REF,))


@pytest.mark.parametrize("name", ALLOWING)
def test_an_annotation_that_the_role_bears_out(name: str) -> None:
    """Even so a person opens the trust policy, and not doctor."""
    verdict = only("association-missing", annotated(ALLOWING[name]))
    assert verdict.fix is not None
    associate = ("podid", "associate", "shop/cart", "--role", WISH, "--update-trust", "--cluster", "prod")
    assert (verdict.fix.kind, verdict.fix.commands) == (FixClass.PRINT, (associate,))
    assert verdict.evidence[-1].endswith("its trust policy allows the service account by the cluster's OIDC issuer")


@table(
    "snapshot",
    [
        *(pytest.param(annotated(document), id=name) for name, document in NOT_ALLOWING.items()),
        pytest.param(annotated(None), id="a role that was not read"),
        pytest.param(annotated(by_irsa(), roles=DENIED), id="roles that nobody may read"),
        pytest.param(annotated(by_irsa(), cluster=cluster()), id="no issuer"),
        pytest.param(annotated(by_irsa(), cluster=DENIED), id="no cluster"),
        pytest.param(annotated({"Statement": []}), id="no policy"),
    ],
)
def test_an_annotation_is_a_wish(snapshot: Snapshot) -> None:
    """Whoever may write to the service account may annotate it with any role."""
    verdict = only("association-missing", snapshot)
    assert verdict.fix is not None
    assert verdict.fix.kind is FixClass.PRINT
    for words in verdict.fix.commands:
        assert WISH not in words
        assert "--update-trust" not in words


# --- every fix of every check -----------------------------------------------------------------------------------------


def fixes(snapshot: Snapshot, *ids: str) -> Iterator[tuple[Verdict, FixClass, tuple[str, ...]]]:
    for verdict in run_checks(tuple(BY_ID[name] for name in ids) if ids else ALL, snapshot):
        for words in verdict.fix.commands if verdict.fix is not None else ():
            assert verdict.fix is not None
            yield verdict, verdict.fix.kind, words


def test_what_doctor_carries_out_of_each_check() -> None:
    """The class of a page is what its check comes to, and a grant or a deletion is a matter of the page."""
    found: dict[str, set[FixClass]] = {name: set() for name in BROKEN}
    for name, snapshot in BROKEN.items():
        for verdict, kind, _ in fixes(snapshot, name):
            found[verdict.check].add(kind)
    carried_out = {name: kinds - {FixClass.PRINT} for name, kinds in found.items()}
    assert {name for name, kinds in carried_out.items() if FixClass.GRANT in kinds} == {"role-not-found"}
    assert {name for name, kinds in carried_out.items() if FixClass.DELETE in kinds} == {"unused-association"}
    declared = {check.id: {check.fix} - {FixClass.PRINT, FixClass.NONE} for check in BY_ID.values()}
    assert carried_out == {name: declared[name] for name in BROKEN}


def wishing(snapshot: Snapshot) -> Snapshot:
    """Every service account, and two neighbours of each association's, are annotated with the administrator's role, as
    whoever may write to them can do; the role allows all pods of the account. Each of them was asked about."""
    there = {account.ref for account in known_or(snapshot.service_accounts, ())}
    named = {item.ref for item in known_or(snapshot.associations, ())}
    there |= {ServiceAccountRef(ref.namespace, f"{ref.name}{end}") for ref in named for end in ("s", "-sa")}
    accounts = tuple(
        ServiceAccount(namespace=ref.namespace, name=ref.name, annotations={"eks.amazonaws.com/role-arn": WISH})
        for ref in sorted(there)
    )
    wide = Known(role(WISH, trust(StringEquals={"aws:SourceAccount": ACCOUNT})))
    roles: dict[str, Any] = {**(snapshot.roles.value if isinstance(snapshot.roles, Known) else {}), WISH: wide}
    return replace(
        snapshot,
        cluster=Known(HERE),
        service_accounts=Known(accounts),
        roles=Known(roles),
        targets=tuple(sorted({*there, *named})),
    )


@table("name", BROKEN)
def test_who_may_write_to_the_cluster_gets_nothing_by_it(name: str) -> None:
    snapshot = wishing(BROKEN[name])
    associated = {str(item.ref) for item in known_or(snapshot.associations, ())}
    for verdict, kind, words in fixes(snapshot):
        assert WISH not in words, (verdict.check, words)
        if kind in (FixClass.GRANT, FixClass.DELETE):
            named = {word for word in words if word.count("/") == 1 and not word.startswith("arn:")}
            assert named <= associated, (verdict.check, words)  # and nobody who is merely called like one
        if "--update-trust" in words:  # of an association that is there already: AWS's word, not the cluster's
            assert words[2] in associated, (verdict.check, words)


HOSTILE = "-$(id); `id` 'x"


def renamed(value: Any, old: str, new: str) -> Any:
    """The same with every text changed."""
    if isinstance(value, str) and type(value) is str:
        return value.replace(old, new)
    if isinstance(value, ServiceAccountRef):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: renamed(getattr(value, item.name), old, new) for item in fields(value) if item.init}
        return replace(value, **changed)
    if isinstance(value, Mapping):
        return {renamed(key, old, new): renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, tuple | frozenset):
        return type(value)(renamed(item, old, new) for item in value)
    return value


@table("name", BROKEN)
def test_roles_with_hostile_names(name: str) -> None:
    """IAM's names may begin with a dash; what a shell would run is quoted where it is printed."""
    for old in (":role/orders", ":role/reports", ":role/nodes"):
        snapshot = renamed(BROKEN[name], old, ":role/-orders")
        for verdict, _, words in fixes(snapshot, name):
            assert shlex.split(shlex.join(words)) == list(words)
            if words[0] == "podid":
                assert parsed(words), (verdict.check, words)
            else:
                bare = [word for word in words if word.startswith("-") and not word.startswith("--")]
                assert set(bare) <= {"-n", "-o", "-p"}, (verdict.check, words)


def test_a_role_that_is_gone_and_begins_with_a_dash() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/-orders"
    missing: dict[str, Known[Role | None]] = {arn: Known(None)}
    verdict = only("role-not-found", healthy(associations=(association(role_arn=arn),), roles=missing))
    assert verdict.fix is not None
    (words,) = verdict.fix.commands
    assert parsed(words)[1]["name"] == "-orders"
    assert ROLE_ARN not in words
