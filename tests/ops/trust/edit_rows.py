"""Rows of edits of trust policies: a policy, the edit, and its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.trust.statements import (
    ADMIN,
    BARE,
    CART,
    DENY_ALL,
    DENY_CART,
    DENY_STRANGERS,
    EC2,
    IN_ACCOUNT,
    IN_CLUSTER,
    IN_NAMESPACE,
    IRSA,
    OWN,
)
from domain.trust.trust_helpers import (
    ACCOUNT,
    BOTH,
    CLUSTER,
    IDENTITY,
    NS,
    PODS,
    SA,
    UNTAGGED,
    statement,
)
from podid.domain.trust import (
    PodIdentity,
    build_statement,
)

ARN = "aws:RequestTag/eks-cluster-arn"


OTHER_CLUSTER = CLUSTER.replace("/demo", "/prod")


GONE = "AROAEXAMPLE1234567890"


def exact(names: Any = "orders", namespaces: Any = "shop", clusters: Any = CLUSTER, **members: Any) -> dict[str, Any]:
    """Return a statement for these that podid would not write."""
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
    "a Deny of all but EKS": adds(statement(Effect="Deny", Principal=None, NotPrincipal={"Service": PODS})),
    "a Deny of all but AWS services": adds(
        statement({"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}, Effect="Deny", Principal={"AWS": "*"})
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
    "everything is denied": cannot_add(EC2, DENY_ALL, note="Statement[1] (No) denies the request"),
    "all but others are denied": cannot_add(
        EC2,
        statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": ACCOUNT}),
        note="denies the request",
    ),
    "all but other actions are denied": cannot_add(
        EC2,
        statement(Effect="Deny", Principal="*", Action=None, NotAction="s3:*"),
        note="denies the request",
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
    "a sixth exceeds the default quota": adds(*FULL),
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
