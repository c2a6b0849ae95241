"""Edits of trust policies by a table: each is made, is as documented, and changes nothing for other pods."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

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
from podid.domain.trust import (
    Edit,
    PodIdentity,
    Policy,
    ScopeKind,
    TrustVerdict,
    evaluate,
    parse_policy,
)
from podid.ops.trust.edit import Subjects, adding, removing
from worlds import ORDERS

PANEL = [
    PodIdentity(cluster, namespace, name, session_tags=tags)
    for cluster in (CLUSTER, OTHER_CLUSTER)
    for namespace in ("shop", "web")
    for name in ("orders", "cart", "pay")
    for tags in (True, False)
]


def edit(verb: str, before: Policy, flags: str) -> Edit:
    words = flags.split()
    scope = ScopeKind(words[words.index("--scope") + 1]) if "--scope" in words else ScopeKind.SERVICE_ACCOUNT
    tags = "--no-session-tags" not in words
    subjects = Subjects(refs=(ORDERS,), cluster_arn=CLUSTER, scope=scope, session_tags=tags)
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
