"""Edits of trust policies: planned for a role, or refused."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from domain.trust.statements import (
    OWN,
)
from domain.trust.trust_helpers import (
    BOTH,
    CLUSTER,
    raws,
)
from harness import table
from ops.trust.edit_rows import OTHER_CLUSTER, TABLE, Row
from ops.trust.support import ADMIN, CLUSTER_ARN, IRSA, OIDC, ROOT, WIDE
from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, Again, Conflict, Undetermined
from podid.domain.plan import Header, Plan
from podid.domain.section import Unread
from podid.domain.trust import (
    PodIdentity,
    Policy,
    ScopeKind,
    TrustVerdict,
    evaluate,
    parse_policy,
)
from podid.ops.role.uses import Uses
from podid.ops.trust.edit import (
    Edit,
    Subjects,
    adding,
    plan_edit,
    removing,
    removing_issuer,
    tightening,
    users_of,
    users_words,
)
from podid.sandbox.baseline import pods_trust
from quotas import DEFAULTS
from worlds import ORDERS

HEADER = Header(caller_arn="arn", account="111122223333", region="us-west-2")
ARN = "arn:aws:iam::111122223333:role/r"
POD = PodIdentity(CLUSTER_ARN, "shop", "orders")
SUBJECTS = Subjects(refs=(ORDERS,), cluster_arn=CLUSTER_ARN)
SUB = f"{OIDC.partition(':oidc-provider/')[2]}:sub"
TWO = ["system:serviceaccount:shop:orders", "system:serviceaccount:shop:cart"]


def role(*statements: Any) -> Role:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Role(name="r", arn=ARN, role_id="AROA", path="/", trust=document)


def planned(edit: Edit, *statements: Any) -> Plan:
    return plan_edit(role(*statements), edit, HEADER, DEFAULTS, why="to test")


def after(plan: Plan) -> list[Any]:
    (action,) = plan.actions
    return action.after["policyDocument"]["Statement"]  # type: ignore[index, no-any-return]


EDITS: dict[str, tuple[Edit, list[Any]]] = {
    "add": (adding(SUBJECTS), [ADMIN, IRSA]),
    "remove": (
        removing(Subjects(refs=(ORDERS,), cluster_arn=CLUSTER_ARN, scope=ScopeKind.ACCOUNT)),
        [ADMIN, IRSA, WIDE | {"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}],
    ),
    "remove one of a list": (
        removing_issuer(OIDC, [ORDERS]),
        [ADMIN, IRSA | {"Condition": {"StringEquals": {SUB: TWO}}}],
    ),
    "remove a provider": (removing_issuer(OIDC), [ADMIN, IRSA]),
    "remove one of its two statements": (
        removing_issuer(OIDC, [ORDERS]),
        [ADMIN, *(IRSA | {"Condition": {"StringEquals": {SUB: sub}}} for sub in TWO)],
    ),
    "tighten": (tightening([POD], ScopeKind.SERVICE_ACCOUNT), [ADMIN, IRSA, WIDE]),
}


@table("name", EDITS)
def test_principals_that_are_reported_as_unchanged_stay(name: str) -> None:
    edit, statements = EDITS[name]
    plan = planned(edit, *statements)
    principals = json.dumps([statement["Principal"] for statement in after(plan)])
    notes = [note for note in plan.notes if "also trusts" in note]
    assert notes
    for principal in (ROOT, OIDC):
        assert (f"role r also trusts {principal} (unchanged)" in notes) is (principal in principals), principal


def test_an_edit_that_changes_nothing() -> None:
    plan = planned(adding(SUBJECTS), *after(planned(adding(SUBJECTS), ADMIN)))
    assert (plan.actions, [action.verb for action in plan.unchanged]) == ((), ["none"])


def test_a_statement_that_also_allows_others_is_not_removed() -> None:
    with pytest.raises(Conflict, match=r"The trust policy of role r was not changed: .*also allows others"):
        planned(removing(SUBJECTS), ADMIN, WIDE)
    edit, (*others, statement) = EDITS["remove"]
    assert after(planned(edit, *others, statement)) == others
    with pytest.raises(Conflict, match=r"\(--scope account removes the statement\)"):
        planned(removing(SUBJECTS), *others, statement)


# --- tighten ----------------------------------------------------------------------------------------------------------


def uses(*names: str, unread: tuple[Unread, ...] = ()) -> Uses:
    associations = tuple(
        Association(
            cluster_name="demo",
            namespace="shop",
            service_account=name,
            association_id=f"a-{name}",
            association_arn=f"arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/a-{name}",
            role_arn=ARN,
        )
        for name in names
    )
    return Uses({CLUSTER_ARN: associations}, unread)


def test_the_users_of_a_role() -> None:
    users = users_of(role(ADMIN, WIDE), uses("orders", "cart"), accept_unread=False)
    assert [(user.namespace, user.service_account) for user in users] == [("shop", "orders"), ("shop", "cart")]
    assert users_words(users) == "2 associations in cluster demo"


def test_too_many_users_for_a_statement_each() -> None:
    existing = role(ADMIN, WIDE)
    users = users_of(existing, uses(*(f"service-{number}" for number in range(8))), accept_unread=False)
    with pytest.raises(Conflict, match="IAM allows 2048"):
        plan_edit(existing, tightening(users, ScopeKind.SERVICE_ACCOUNT), HEADER, DEFAULTS, why="x")
    plan = plan_edit(existing, tightening(users, ScopeKind.NAMESPACE), HEADER, DEFAULTS, why="x")
    assert len(after(plan)) == 2


def test_roles_without_users_are_not_tightened() -> None:
    with pytest.raises(Conflict, match="no association uses the role"):
        users_of(role(ADMIN, WIDE), uses(), accept_unread=False)


def test_a_policy_that_does_not_allow_a_user_is_not_tightened() -> None:
    existing = role(*pods_trust(actions=("sts:AssumeRole",))["Statement"])
    with pytest.raises(Conflict, match="it is not certain that it allows every association") as error:
        users_of(existing, uses("orders"), accept_unread=False)
    assert error.value.lines[0].startswith("shop/orders in cluster demo, us-west-2: ")


def test_users_in_unread_clusters_would_lose_access() -> None:
    unread = Unread.of("clusters in eu-west-1", AccessDenied("x", permission="eks:ListClusters"))
    with pytest.raises(Undetermined, match=r"could not read everything that may use role") as error:
        users_of(role(WIDE), uses("orders", unread=(unread,)), accept_unread=False)
    assert (error.value.lines, error.value.permission) == ((str(unread),), "eks:ListClusters")
    assert error.value.hint == Again(add=("--accept-unread",))
    assert len(users_of(role(WIDE), uses("orders", unread=(unread,)), accept_unread=True)) == 1


def test_a_region_that_is_not_enabled_has_no_users() -> None:
    unread = Unread("2 regions", "they reject these credentials", disabled=True)
    assert len(users_of(role(WIDE), uses("orders", unread=(unread,)), accept_unread=False)) == 1


# --- by a table -------------------------------------------------------------------------------------------------------


PANEL = [
    PodIdentity(cluster, namespace, name, session_tags=tags)
    for cluster in (CLUSTER, OTHER_CLUSTER)
    for namespace in ("shop", "web")
    for name in ("orders", "cart", "pay")
    for tags in (True, False)
]


def edit(verb: str, before: Policy, flags: str) -> trust.Edit:
    words = flags.split()
    scope = ScopeKind(words[words.index("--scope") + 1]) if "--scope" in words else ScopeKind.SERVICE_ACCOUNT
    tags = "--no-session-tags" not in words
    subjects = Subjects(refs=(ORDERS,), cluster_arn=CLUSTER, scope=scope, untagged=() if tags else (ORDERS,))
    return (adding if verb == "add" else removing)(subjects)(before, None)


def verdicts(policy: Policy, scope: str, who: PodIdentity) -> dict[str, str]:
    """Of everybody who is not within the scope of `who`."""
    keys = {"service-account": 3, "namespace": 2, "cluster": 1, "account": 0}[scope]
    inside = (who.cluster_arn, who.namespace, who.service_account)[:keys]
    others = [p for p in PANEL if (p.cluster_arn, p.namespace, p.service_account)[:keys] != inside]
    return {f"{p}": evaluate(policy, p).verdict.value for p in others if keys}


def policy_of(statements: Sequence[Mapping[str, Any]], **members: Any) -> Policy:
    return parse_policy({"Version": "2012-10-17", **members, "Statement": list(statements)})


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 80


@table("row", TABLE.values())
def test_an_edit(row: Row) -> None:
    before = policy_of(row.before, Id="kept")
    result = edit(row.verb, before, row.flags)
    assert result.outcome == row.outcome, result.reason
    assert row.note in "\n".join((result.reason, *result.notes))
    if not result.changed:
        assert result.policy is before
        return
    check_changed(row, before, result.policy)
    again = edit(row.verb, result.policy, row.flags)
    assert again.outcome == row.again, again.reason
    assert again.policy is result.policy


def check_changed(row: Row, before: Policy, after: Policy) -> None:
    new = raws(after)
    assert {k: v for k, v in after.document.items() if k != "Statement"} == {"Version": "2012-10-17", "Id": "kept"}
    if row.verb == "add":
        # byte for byte: the order of members within a statement too
        assert json.dumps(new[:-1]) == json.dumps(list(row.before))
        assert [s["Sid"] for s in new if s.get("Sid")].count(new[-1]["Sid"]) == 1
        assert new[-1]["Action"] == BOTH
    else:
        assert row.after is not None
        assert json.dumps(new) == json.dumps(list(row.after))
    admitted = row.verb == "add" if row.admitted is None else row.admitted
    assert (evaluate(after, row.who).verdict is TrustVerdict.MATCH) is admitted
    scope = row.flags.partition("--scope ")[2] or ("cluster" if row.untagged else "service-account")
    assert verdicts(after, scope, row.who) == verdicts(before, scope, row.who)


ADDED = [row for row in TABLE.values() if row.verb == "add" and row.outcome == "changed" and row.admitted is None]


# without session tags the statement is the cluster's, and stands for more than was there
@table("row", [row for row in ADDED if row.note != "any pod of cluster demo"])
def test_an_added_statement_can_be_removed(row: Row) -> None:
    added = edit("add", policy_of(row.before), row.flags)
    removed = edit("remove", added.policy, row.flags)
    assert not removed.refused, removed.reason
    assert raws(removed.policy) == [s for s in row.before if s != OWN or row.flags]
