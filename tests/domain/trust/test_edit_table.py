"""`podid trust add` and `remove` on files: a table of edits, each held to what is true of all of them. The other
statements keep their values and their order, nobody else gets in or is shut out, and a repeat changes nothing."""

import json
import stat
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.trust.trust_helpers import (
    ACCOUNT,
    BOTH,
    CLUSTER,
    IDENTITY,
    NS,
    OIDC,
    OIDC_ID,
    PODS,
    SA,
    UNTAGGED,
    statement,
)
from harness import Outcome, Podid, table
from podid.domain.trust import PodIdentity, Policy, ScopeKind, TrustVerdict, build_statement, evaluate, parse_policy

ARN = "aws:RequestTag/eks-cluster-arn"
OTHER_CLUSTER = CLUSTER.replace("/demo", "/prod")
GONE = "AROAEXAMPLE1234567890"

OWN = build_statement(IDENTITY)
CART = build_statement(PodIdentity(CLUSTER, "shop", "cart"))
IN_NAMESPACE = build_statement(IDENTITY, ScopeKind.NAMESPACE)
IN_CLUSTER = build_statement(IDENTITY, ScopeKind.CLUSTER)
IN_ACCOUNT = build_statement(IDENTITY, ScopeKind.ACCOUNT)
BARE = statement(Sid="Bare")
EC2 = {"Sid": "Ec2", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
IRSA = {
    "Effect": "Allow",
    "Principal": {"Federated": OIDC},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {f"{OIDC_ID}:sub": "system:serviceaccount:shop:orders"}},
}
ADMIN = {"Sid": "Admin", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole"]}
DENY_ALL = statement(Sid="No", Effect="Deny", Principal="*", Action="sts:*")
DENY_CART = statement({"StringEquals": {SA: "cart"}}, Sid="NoCart", Effect="Deny")
DENY_STRANGERS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sts:AssumeRole",
    "Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
}


def exact(names: Any = "orders", namespaces: Any = "shop", clusters: Any = CLUSTER, **members: Any) -> dict[str, Any]:
    """A statement of somebody else's making for these."""
    condition = {"StringEquals": {NS: namespaces, SA: names}, "ArnLike": {"aws:SourceArn": clusters}}
    return statement(members.pop("condition", condition), **members)


@dataclass(frozen=True)
class Row:
    """`after` are the statements of the new policy, where a changed one is not the old with one more (add) or without
    the first that is shop/orders' own (remove). `note` is found in what is said."""

    verb: str
    before: Sequence[Mapping[str, Any]]
    flags: str = ""
    outcome: str = "changed"
    after: Sequence[Mapping[str, Any]] | None = None
    note: str = ""
    admitted: bool | None = None
    again: str = "no-change"

    @property
    def untagged(self) -> bool:
        return "--no-session-tags" in self.flags

    @property
    def who(self) -> PodIdentity:
        return UNTAGGED if self.untagged else IDENTITY


def adds(*before: Mapping[str, Any], **more: Any) -> Row:
    return Row("add", before, **more)


def has(*before: Mapping[str, Any], note: str = "already allows shop/orders", **more: Any) -> Row:
    return Row("add", before, outcome="no-change", note=note, **more)


def cannot_add(*before: Mapping[str, Any], note: str, **more: Any) -> Row:
    return Row("add", before, outcome="refused", note=note, **more)


def removes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], **more: Any) -> Row:
    return Row("remove", before, after=after, **more)


def has_not(*before: Mapping[str, Any], note: str = "no statement allows shop/orders", **more: Any) -> Row:
    return Row("remove", before, outcome="no-change", note=note, **more)


def cannot_remove(*before: Mapping[str, Any], note: str = "they would lose access", **more: Any) -> Row:
    return Row("remove", before, outcome="refused", note=note, **more)


WITH_TAGS = {"ArnEquals": {"aws:SourceArn": CLUSTER}, "StringEquals": {NS: "shop"}}
BY_ARN = {"ArnEquals": {"aws:SourceArn": CLUSTER}}
TWO_PROVIDERS = {"Bool": {"aws:SecureTransport": "true"}}
FULL = [build_statement(PodIdentity(CLUSTER, "shop", f"service-{n}")) for n in range(5)]
TABLE: dict[str, Row] = {
    # --- add: a statement more
    "beside EC2": adds(EC2),
    "beside IRSA": adds(IRSA, note="Statement[1]"),
    "beside several": adds(EC2, IRSA, ADMIN, CART),
    "beside the same account of another cluster": adds(build_statement(PodIdentity(OTHER_CLUSTER, "shop", "orders"))),
    "beside the same name in another namespace": adds(build_statement(PodIdentity(CLUSTER, "web", "orders"))),
    "only sts:AssumeRole is there": adds(statement(Action="sts:AssumeRole")),
    "only sts:TagSession is there": adds(statement(Action=["sts:TagSession"])),
    "a slip in the action": adds(statement(Action=["sts:AssumeRole", "sts:TagSesion"]), note="sts:TagSession is prob"),
    "an action of another service": adds(statement(Action="s3:*")),
    "the wrong service": adds(statement(Principal={"Service": "eks.amazonaws.com"})),
    "the service of China that is none": adds(statement(Principal={"Service": f"{PODS}.cn"})),
    "another account's condition": adds(statement({"StringEquals": {"aws:SourceAccount": "999999999999"}})),
    "an association's ARN as SourceArn": adds(
        statement({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/demo/*"}})
    ),
    "a star in StringEquals": adds(statement({"StringEquals": {SA: "*"}})),
    "a pattern that does not fit": adds(statement({"StringLike": {SA: "cart-*"}})),
    "ForAnyValue of other keys": adds(statement({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}})),
    "a null condition that fails": adds(statement({"Null": {"aws:SourceArn": "true"}})),
    "an operator that nobody knows": adds(statement({"StringSounds": {NS: "shop"}})),
    "a date that may have passed": adds(statement({"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}})),
    "a pod's name": adds(statement({"StringLike": {"aws:RequestTag/kubernetes-pod-name": "orders-*"}})),
    "everybody, which is unknown": adds(statement(Principal="*")),
    "NotPrincipal, which is unknown": adds(statement(Principal=None, NotPrincipal={"AWS": ACCOUNT})),
    "NotAction, which is unknown": adds(statement(Action=None, NotAction="sts:SetSourceIdentity")),
    "a Deny of another": adds(DENY_CART, EC2),
    "a Deny of strangers": adds(DENY_STRANGERS),
    "a Deny of all but EKS": adds(
        statement(Effect="Deny", Principal=None, NotPrincipal={"Service": PODS}), admitted=False
    ),
    "a Deny of other actions": adds(statement(Effect="Deny", Principal="*", Action="sts:SetSourceIdentity")),
    "a Deny of another organisation": adds(
        statement({"StringNotEquals": {"aws:SourceOrgID": "o-1"}}, Effect="Deny", Principal="*"),
        admitted=False,
        note="it is still not known whether",
    ),
    "a Deny that may hold": adds(
        statement({"StringSounds": {NS: "x"}}, Effect="Deny"), EC2, admitted=False, note="still not known"
    ),
    "its Sid is taken": adds(EC2 | {"Sid": OWN["Sid"]}, note="n2"),
    "its Sid is taken twice": adds(EC2 | {"Sid": OWN["Sid"]}, ADMIN | {"Sid": f"{OWN['Sid']}n2"}, note="n3"),
    "equal Sids of others stay": adds(EC2 | {"Sid": ""}, ADMIN | {"Sid": ""}),
    "a namespace wider than there": adds(OWN, flags="--scope namespace"),
    "a cluster wider than there": adds(IN_NAMESPACE, flags="--scope cluster"),
    "an account wider than there": adds(IN_CLUSTER, flags="--scope account"),
    "without tags beside one with tags": adds(OWN, flags="--no-session-tags", note="any pod of cluster demo"),
    "without tags for the account": adds(EC2, flags="--no-session-tags --scope account"),
    "a fifth fits": adds(*FULL[:4]),
    "values that are lists, numbers and texts": adds(
        statement({"NumericLessThan": {"aws:MultiFactorAuthAge": [300, "400"]}, "Bool": {"aws:SecureTransport": True}})
    ),
    # --- add: nothing to do
    "its own is there": has(OWN),
    "its own among others": has(EC2, OWN, IRSA),
    "its own without a Sid": has({key: value for key, value in OWN.items() if key != "Sid"}),
    "its own in lists": has(exact(["orders"], ["shop"], [CLUSTER])),
    "its own in two statements": has(exact(Action="sts:AssumeRole"), exact(Action="sts:TagSession")),
    "two statements, one wider": has(exact(Action="sts:AssumeRole"), statement(Action="sts:TagSession")),
    "one of a list": has(exact(["cart", "orders"])),
    "one of two lists": has(exact(["cart", "orders"], ["web", "shop"])),
    "its namespace is in": has(EC2, IN_NAMESPACE, note="any pod in namespace shop"),
    "its cluster is in": has(IN_CLUSTER, note="any pod in cluster demo"),
    "its account is in": has(IN_ACCOUNT, note="any cluster in account"),
    "all are in": has(BARE, note="any cluster in account"),
    "a pattern that fits": has(exact(condition={"StringLike": {SA: "ord*", NS: "shop"}}), note="service account ord*"),
    "patterns in an ARN": has(statement({"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}})),
    "IfExists": has(statement({"StringEqualsIfExists": {NS: "shop"}})),
    "all actions": has(statement(Action="sts:*")),
    "actions in another case": has(statement(Action=["STS:assumerole", "sts:tagsession"])),
    "more actions than needed": has(statement(Action=[*BOTH, "sts:SetSourceIdentity"])),
    "one service of two": has(statement(Principal={"Service": ["ec2.amazonaws.com", PODS]})),
    "a namespace, asked for its namespace": has(IN_NAMESPACE, flags="--scope namespace"),
    "a cluster, asked for its namespace": has(IN_CLUSTER, flags="--scope namespace"),
    "an account, asked for its cluster": has(IN_ACCOUNT, flags="--scope cluster"),
    "without tags, its cluster is in": has(IN_CLUSTER, flags="--no-session-tags"),
    "a Deny of another beside its own": has(OWN, DENY_CART),
    "a namespace by a star": has(exact(condition={"StringLike": {NS: "shop", SA: "*"}}), flags="--scope namespace"),
    "an account by an ARN": has(
        statement({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:cluster/*"}}), flags="--scope account"
    ),
    # --- add: it cannot be
    "everything is denied": cannot_add(EC2, DENY_ALL, note="Statement[1] (No) denies the request for everyone"),
    "all but others are denied": cannot_add(
        EC2,
        statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": ACCOUNT}),
        note="denies the request for everyone",
    ),
    "all but other actions are denied": cannot_add(
        EC2,
        statement(Effect="Deny", Principal="*", Action=None, NotAction="s3:*"),
        note="denies the request for everyone",
    ),
    "it is denied": cannot_add(exact(Effect="Deny", Sid="Out"), note="Statement[0] (Out) denies the request"),
    "it is denied though it is in": cannot_add(OWN, exact(Effect="Deny"), note="Statement[1] denies the request"),
    "one action is denied": cannot_add(
        EC2, statement(Effect="Deny", Action="sts:TagSession"), note="denies the request"
    ),
    "its namespace is denied": cannot_add(
        statement({"StringEquals": {NS: ["web", "shop"]}}, Effect="Deny"), note="because of StringEquals"
    ),
    "all but one cluster are denied": cannot_add(
        statement({"ArnNotEquals": {"aws:SourceArn": OTHER_CLUSTER}}, Effect="Deny"), note="denies the request"
    ),
    "a sixth does not fit": cannot_add(*FULL, note="IAM allows 2048"),
    "a principal that is gone": cannot_add(statement(Principal={"AWS": GONE}), note=GONE),
    # --- remove: its own
    "only its own of two": removes([OWN, CART], [CART]),
    "from the middle": removes([EC2, OWN, IRSA], [EC2, IRSA]),
    "in other clothes": removes([EC2, exact(["orders"], ["shop"], [CLUSTER])], [EC2]),
    "without the account": removes([EC2, exact()], [EC2]),
    "by the cluster's tag": removes(
        [EC2, exact(condition={"StringEquals": {NS: "shop", SA: "orders", ARN: CLUSTER}})], [EC2]
    ),
    "with a further condition": removes(
        [EC2, exact(condition={**exact()["Condition"], "StringLike": {"aws:ResourceTag/team": "x"}})], [EC2]
    ),
    "written twice": removes([OWN, EC2, OWN | {"Sid": "Again"}], [EC2], note="Statement[0]"),
    "in two statements": removes([exact(Action="sts:AssumeRole"), EC2, exact(Action="sts:TagSession")], [EC2]),
    "only sts:AssumeRole of it": removes([exact(Action="sts:AssumeRole"), EC2], [EC2]),
    "all actions of it": removes([exact(Action="sts:*"), EC2], [EC2]),
    "its Deny stays": removes([OWN, CART, DENY_CART], [CART, DENY_CART]),
    "one of a list of names": removes(
        [exact(["cart", "orders", "pay"])], [exact(["cart", "pay"])], note="orders was removed"
    ),
    "one of two names": removes([EC2, exact(["orders", "cart"], Sid="Two")], [EC2, exact(["cart"], Sid="Two")]),
    "one of a list of namespaces": removes([exact("orders", ["shop", "web"])], [exact("orders", ["web"])]),
    "one of a list of clusters": removes(
        [exact(clusters=[OTHER_CLUSTER, CLUSTER])], [exact(clusters=[OTHER_CLUSTER])], note=f"{CLUSTER} was removed"
    ),
    "one of a list by ForAnyValue": removes(
        [exact(condition={"ForAnyValue:StringLike": {SA: ["orders", "cart"]}, **WITH_TAGS})],
        [exact(condition={"ForAnyValue:StringLike": {SA: ["cart"]}, **WITH_TAGS})],
    ),
    "its own and one of a list": removes([OWN, exact(["orders", "cart"])], [exact(["cart"])], note=" and orders was"),
    "one of a list of texts and patterns": removes(
        [EC2, exact(condition={"StringLike": {NS: "shop", SA: ["orders", "cart-*"]}, **BY_ARN})],
        [EC2, exact(condition={"StringLike": {NS: "shop", SA: ["cart-*"]}, **BY_ARN})],
    ),
    "a number in a list": removes(
        [EC2, statement({"StringEquals": {"aws:SourceAccount": [222233334444, int(ACCOUNT)]}})],
        [EC2, statement({"StringEquals": {"aws:SourceAccount": [222233334444]}})],
        flags="--scope account",
    ),
    "its namespace by a star": removes(
        [EC2, exact(condition={"StringLike": {NS: "shop", SA: "*"}, **BY_ARN})], [EC2], flags="--scope namespace"
    ),
    "its account by an ARN": removes(
        [EC2, statement({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:cluster/*"}})],
        [EC2],
        flags="--scope account",
    ),
    "its namespace, at that scope": removes([EC2, IN_NAMESPACE], [EC2], flags="--scope namespace"),
    "its cluster, at that scope": removes([EC2, IN_CLUSTER], [EC2], flags="--scope cluster"),
    "its account, at that scope": removes([EC2, IN_ACCOUNT], [EC2], flags="--scope account"),
    "without tags": removes([EC2, IN_CLUSTER], [EC2], flags="--no-session-tags", note="any pod of cluster demo"),
    "a wider one stays": removes(
        [OWN, BARE], [BARE], admitted=True, note="(Bare) may still allow shop/orders", again="refused"
    ),
    # --- remove: nothing to do
    "nobody's": has_not(EC2, IRSA),
    "another account's": has_not(CART),
    "another cluster's": has_not(build_statement(PodIdentity(OTHER_CLUSTER, "shop", "orders"))),
    "denied, so not in": has_not(BARE, DENY_ALL),
    "a narrower one at a wider scope": has_not(OWN, EC2, flags="--scope namespace", note="only shop/orders"),
    "one with tags, asked without": has_not(OWN, EC2, flags="--no-session-tags"),
    # --- remove: it cannot be
    "the last statement": cannot_remove(OWN, note="no statement would remain"),
    "the last two": cannot_remove(OWN, OWN | {"Sid": "Again"}, note="no statement would remain"),
    "its namespace": cannot_remove(IN_NAMESPACE, EC2, note="any pod in namespace shop in cluster demo; they would"),
    "its cluster": cannot_remove(IN_CLUSTER, EC2, note="--scope cluster removes the statement"),
    "everybody's": cannot_remove(BARE, EC2),
    "a pattern": cannot_remove(exact(condition={"StringLike": {SA: "ord*", NS: "shop"}}), EC2),
    "a text that a pattern takes, too": cannot_remove(
        exact(condition={"StringLike": {NS: "shop", SA: ["orders", "ord*"]}, **BY_ARN}), EC2
    ),
    "a list of nothing": cannot_remove(exact([]), EC2),
    "a cluster by its name alone": cannot_remove(
        exact(condition={"StringEquals": {NS: "shop", SA: "orders", "aws:RequestTag/eks-cluster-name": "demo"}}),
        EC2,
        note="shop/orders in cluster demo of any region",
    ),
    "a name in any cluster": cannot_remove(
        exact(condition={"StringEquals": {NS: "shop", SA: "orders", "aws:SourceAccount": ACCOUNT}}), EC2
    ),
    "of two lists": cannot_remove(exact(["orders", "cart"], ["shop", "web"]), EC2),
    "IfExists, which untagged pods pass": cannot_remove(
        exact(condition={"StringEqualsIfExists": {NS: "shop", SA: "orders"}, "ArnLike": {"aws:SourceArn": CLUSTER}}),
        EC2,
    ),
    "all but another": cannot_remove(statement({"StringNotEquals": {SA: "cart"}}), EC2),
    "a statement that serves another": cannot_remove(
        exact(Principal={"Service": [PODS, "ec2.amazonaws.com"]}), note="it also names ec2.amazonaws.com"
    ),
    "whoever it may be": cannot_remove(statement(Principal="*"), EC2, note="everyone"),
    "a principal that was deleted": cannot_remove(OWN, statement(Principal={"AWS": GONE}), note=GONE),
}
PANEL = [
    PodIdentity(cluster, namespace, name, session_tags=tags)
    for cluster in (CLUSTER, OTHER_CLUSTER)
    for namespace in ("shop", "web")
    for name in ("orders", "cart", "pay")
    for tags in (True, False)
]


def edit(verb: str, document: Any, *flags: str) -> Outcome:
    line = ("trust", verb, "-", "--for", "shop/orders", "--cluster-arn", CLUSTER, *flags)
    return Podid()(*line, "-o", "json", stdin=json.dumps(document))


def verdicts(policy: Policy, scope: str, who: PodIdentity) -> dict[str, str]:
    """Of everybody who is not within the scope of `who`."""
    keys = {"service-account": 3, "namespace": 2, "cluster": 1, "account": 0}[scope]
    inside = (who.cluster_arn, who.namespace, who.service_account)[:keys]
    others = [p for p in PANEL if (p.cluster_arn, p.namespace, p.service_account)[:keys] != inside]
    return {f"{p}": evaluate(policy, p).verdict.value for p in others if keys}


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 80


@table("row", TABLE.values())
def test_an_edit(row: Row) -> None:
    document = {"Version": "2012-10-17", "Id": "kept", "Statement": list(row.before)}
    outcome = edit(row.verb, document, *row.flags.split())
    if row.outcome == "refused":
        assert (outcome.code, outcome.stdout, outcome.error["code"]) == (6, "", "Conflict")
        assert outcome.error["message"].startswith("The trust policy in stdin was not changed: ")
        assert row.note in outcome.error["message"]
        return
    assert outcome.code == 0, outcome.stderr
    found = outcome.json
    assert (found["kind"], found["outcome"]) == ("TrustEdit", row.outcome)
    assert row.note in "\n".join(found["notes"])
    new = found["policy"]["Statement"]
    if row.outcome == "no-change":
        assert json.dumps(found["policy"]) == json.dumps(document)
        assert found["diff"] == ""
        return
    check_changed(row, document, found["policy"], new)
    again = edit(row.verb, found["policy"], *row.flags.split())
    assert again.code == (6 if row.again == "refused" else 0)
    assert row.again == "refused" or again.json["policy"] == found["policy"]


def check_changed(row: Row, old: Any, policy: Any, new: list[Any]) -> None:
    before, after = parse_policy(old), parse_policy(policy)
    assert {k: v for k, v in policy.items() if k != "Statement"} == {"Version": "2012-10-17", "Id": "kept"}
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
def test_what_was_added_can_be_taken_out_again(row: Row) -> None:
    flags = row.flags.split()
    added = edit("add", {"Statement": list(row.before)}, *flags).json["policy"]
    removed = edit("remove", added, *flags)
    assert removed.code == 0, removed.stderr
    left = removed.json["policy"]["Statement"]
    assert left == [s for s in row.before if s != OWN or flags]


def test_ten_repeats_are_one(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": EC2}, indent=4))
    line = (str(file), "--for", "shop/orders", "--for", "shop/cart", "--cluster-arn", CLUSTER, "--in-place")
    seen = set()
    for _ in range(10):
        assert Podid()("trust", "add", *line).code == 0
        seen.add(file.read_text())
    assert len(seen) == 1
    for _ in range(10):
        assert Podid()("trust", "remove", *line).code == 0
    assert json.loads(file.read_text()) == {"Version": "2012-10-17", "Statement": [EC2]}


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_new_policy_alone_is_on_stdout() -> None:
    line = ("trust", "add", "-", "--for", "shop/orders", "--cluster-arn", CLUSTER)
    outcome = Podid()(*line, stdin=json.dumps({"Statement": [EC2 | {"Sid": "Ünï\u202e"}]}))
    assert json.loads(outcome.stdout) == {"Statement": [EC2 | {"Sid": "Ünï\u202e"}, OWN]}
    assert outcome.stderr == f"note: Statement[1] ({OWN['Sid']}) was added\n"


def test_in_place_keeps_form_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    role = {"Role": {"RoleName": "r", "AssumeRolePolicyDocument": {"Statement": EC2}, "Tags": []}}
    file.write_text(json.dumps(role, indent=4) + "\n")
    file.chmod(0o640)
    outcome = Podid()("trust", "add", str(file), "--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{file}: changed, Statement[1] ({OWN['Sid']}) was added\n"
    role["Role"]["AssumeRolePolicyDocument"] = {"Statement": [EC2, OWN]}
    assert file.read_text() == json.dumps(role, indent=4) + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["role.json"]


def test_in_place_keeps_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    text = json.dumps({"Statement": [EC2]}, indent=2) + "\n"
    file.write_bytes(BOM_UTF8 + text.replace("\n", "\r\n").encode())
    line = (str(file), "--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place")
    assert Podid()("trust", "add", *line).code == 0
    wanted = json.dumps({"Statement": [EC2, OWN]}, indent=2) + "\n"
    assert file.read_bytes() == BOM_UTF8 + wanted.replace("\n", "\r\n").encode()


def test_in_place_writes_none_of_several_where_one_is_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"Statement": EC2}))
    bad.write_text(json.dumps({"Statement": [EC2, DENY_ALL]}))
    line = ("--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place")
    assert Podid()("trust", "add", str(good), str(bad), *line).code == 6
    assert json.loads(good.read_text()) == {"Statement": EC2}
    bad.write_text(json.dumps({"Statement": OWN}))
    before = bad.stat().st_mtime_ns
    assert Podid()("trust", "add", str(good), str(bad), *line, "--dry-run").code == 0
    assert json.loads(good.read_text()) == {"Statement": EC2}
    assert Podid()("trust", "add", str(good), str(bad), *line).code == 0
    assert json.loads(good.read_text()) == {"Statement": [EC2, OWN]}
    assert bad.stat().st_mtime_ns == before
    listed = Podid()("trust", "add", str(good), str(bad), *line[:-1], "-o", "json").json
    assert [item["outcome"] for item in listed["items"]] == ["no-change", "no-change"]


@table(
    ("argv", "why"),
    [
        ((), "Specify a trust policy"),
        (("-", "--role", "r"), "cannot be used together"),
        (("-", "-"), "specified only once"),
        (("-", "--cluster-arn", CLUSTER), "--for NS/SA"),
        (("-", "--for", "shop/orders", "--cluster-arn", CLUSTER, "--in-place"), "stdin cannot be written"),
        (("-", "--for", "shop/orders", "--cluster-arn", "arn:aws:eks:*:1:cluster/*"), "not the ARN of an EKS cluster"),
        (("-", "--for", "shop", "--cluster-arn", CLUSTER), "specify NAMESPACE/NAME"),
        (("-", "--for", "shop/orders", "--cluster-arn", CLUSTER, "--scope", "pod"), "--scope"),
        (("/nosuch", "--for", "shop/orders", "--cluster-arn", CLUSTER), "cannot be read"),
    ],
)
@table("verb", ["add", "remove", "tighten"])
def test_what_is_refused_as_usage(verb: str, argv: tuple[str, ...], why: str) -> None:
    outcome = Podid()("trust", verb, *argv, stdin=json.dumps({"Statement": EC2}))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert why in outcome.stderr


@pytest.mark.parametrize("verb", ["add", "remove", "tighten"])
def test_a_key_twice_is_refused(verb: str) -> None:
    text = '{"Statement": [{"Effect": "Deny", "Effect": "Allow", "Principal": "*", "Action": "*"}]}'
    outcome = Podid()("trust", verb, "-", "--for", "a/b", "--cluster-arn", CLUSTER, "-o", "json", stdin=text)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Statement[0].Effect: appears twice" in outcome.error["message"]


def test_a_file_is_narrowed_to_those_who_are_named() -> None:
    document = {"Version": "2012-10-17", "Statement": [EC2, BARE, IRSA]}
    line = ("trust", "tighten", "-", "--for", "shop/orders", "--for", "shop/cart", "--cluster-arn", CLUSTER)
    found = Podid()(*line, "-o", "json", stdin=json.dumps(document)).json
    assert found["policy"]["Statement"] == [EC2, OWN, CART, IRSA]
    again = Podid()(*line, "-o", "json", stdin=json.dumps(found["policy"])).json
    assert again["outcome"] == "no-change"
    wide = Podid()(*line, "--scope", "namespace", "-o", "json", stdin=json.dumps(document)).json
    assert wide["policy"]["Statement"] == [EC2, IN_NAMESPACE, IRSA]
    wider = Podid()(*line, "--scope", "cluster", "-o", "json", stdin=json.dumps(wide["policy"]))
    assert wider.code == 6
    assert "would allow more than today" in wider.error["message"]
