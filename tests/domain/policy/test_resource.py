"""Resource policies and role chaining against a second evaluator: podid may not know an answer, but never has the
opposite one."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any

from domain.policy import policy_naive
from domain.policy.policy_naive import effects
from domain.policy.test_evaluate_properties import ACCOUNT, NOW, POD, ROLE, SESSION, TABLE, access_of
from domain.trust.trust_naive import lets_in
from harness import examples
from podid.domain.aws import Association, Cluster, Role
from podid.domain.iam import Document
from podid.domain.policy.evaluate import AccessVerdict
from podid.domain.policy.resource import ResourcePolicy, beside
from podid.domain.section import Known, Section
from podid.domain.trust import ACTIONS
from podid.facts.privileges import RoleGrants
from podid.ops.permissions.session import SessionAccess, SessionReader

ALLOWED, DENIED = AccessVerdict.ALLOWED, AccessVerdict.DENIED
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TARGET = f"arn:aws:iam::{ACCOUNT}:role/reports"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/eks-demo-orders"
OBJECT = "arn:aws:s3:::shop/a"
RESOURCES = (OBJECT, "arn:aws:s3:::shop/orders/b")
CONDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}},
    {"StringNotEqualsIfExists": {"aws:PrincipalTag/team": "${aws:PrincipalTag/none, 'Shop'}"}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/o*"}},
    {"NumericLessThan": {"n:count": "4"}},
    {"Null": {"aws:PrincipalTag/team": "false"}},
)
PRINCIPALS: tuple[Any, ...] = (
    "*",
    *({"AWS": name} for name in ("*", ROLE, ROOT, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/other", SESSION_ARN)),
    {"AWS": [ROLE, ROOT]},
    {"Service": "sqs.amazonaws.com"},
)


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


class Chance(random.Random):
    def statement(self, actions: tuple[str, ...], resources: tuple[str, ...]) -> dict[str, Any]:
        return {
            "Effect": self.choice(("Allow",) * 5 + ("Deny",)),
            self.choice(("Action", "Action", "NotAction")): self.choice(actions),
            self.choice(("Resource", "Resource", "NotResource")): self.choice(resources),
            "Condition": self.choice(CONDITIONS),
        }

    def layers(self, actions: tuple[str, ...], resources: tuple[str, ...]) -> list[list[dict[str, Any]]]:
        """The policies of a role and, sometimes, a boundary and a session policy."""
        wide = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
        one = [document(self.statement(actions, resources)) for _ in range(self.randint(1, 2))]
        one += self.choice(([], [wide], [wide]))
        limits = [[self.choice((wide, wide, *one))] for _ in range(self.choice((0, 0, 1, 2)))]
        return [one, *limits]


def worlds(statements: list[dict[str, Any]]) -> Iterator[list[tuple[dict[str, Any], str]]]:
    """Each statement with the principal that it is for: role, account or nobody. The name of the session is not known,
    nor what NotPrincipal means for a session: then both are possible."""
    of: list[tuple[str, ...]] = []
    for statement in statements:
        principal = statement.get("Principal")
        names = principal if isinstance(principal, dict) else {"AWS": principal}
        values = names.get("AWS", [])
        values = values if isinstance(values, list) else [values]
        if "NotPrincipal" in statement:
            of.append(("role", "nobody"))
        elif {"*", ROLE} & set(values):
            of.append(("role",))
        elif {ROOT, ACCOUNT} & set(values):
            of.append(("account",))
        else:
            of.append(("session", "nobody") if SESSION_ARN in values else ("nobody",))
    for kinds in product(*of):
        yield list(zip(statements, kinds, strict=True))


def whole(layers: Any, world: list[tuple[dict[str, Any], str]], resource: str, *, required: bool) -> bool:
    """IAM User Guide, "Policy evaluation for requests within a single account"."""
    of_layers = [effects(layer, "s3:GetObject", resource, TABLE) for layer in layers]
    by = {
        kind: effects([document(*(s for s, k in world if k == kind))], "s3:GetObject", resource, TABLE)
        for kind in ("role", "account", "session")
    }
    if any("Deny" in effect for effect in (*of_layers, *by.values())):
        return False
    if "Allow" in by["session"]:
        return True
    limits, identity = all("Allow" in effect for effect in of_layers[1:]), "Allow" in of_layers[0]
    if "Allow" in by["role"]:
        return limits
    return limits and identity and (not required or "Allow" in by["account"])


def test_a_second_evaluator_of_resource_policies_agrees() -> None:
    chance, decided = Chance(26), Counter[AccessVerdict]()
    actions, resources = ("*", "s3:*", "s3:Get*", "s3:PutObject"), ("*", "arn:aws:s3:::shop/*", OBJECT)
    for _ in range(examples(450)):
        layers, required = chance.layers(actions, resources), chance.random() < 0.3
        statements = []
        for _ in range(chance.randint(1, 3)):
            member = chance.choice(("Principal",) * 7 + ("NotPrincipal",))
            statements.append(chance.statement(actions, resources) | {member: chance.choice(PRINCIPALS)})
        access = access_of(layers)
        policy = ResourcePolicy("bucket policy of shop", document(*statements), required)
        for resource in RESOURCES:
            verdict = beside(access.ruling("s3:GetObject", resource), policy, access).verdict
            if verdict is AccessVerdict.UNKNOWN:
                continue
            for world in worlds(statements):
                expected = whole(layers, world, resource, required=required)
                assert verdict is (ALLOWED if expected else DENIED), (layers, statements, required, world)
            decided[verdict] += 1
    assert sum(decided.values()) >= 600, decided
    assert min(decided[ALLOWED], decided[DENIED]) >= 200, decided


def test_an_implicit_denial_by_a_limit_overrides_a_resource_policy_for_the_role_but_not_for_its_session() -> None:
    """IAM User Guide, "How AWS enforcement code logic evaluates requests", resource-based policies."""
    narrow = [document({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"})]
    for principal, expected in (
        ({"AWS": ROLE}, DENIED),
        ({"AWS": [ROLE, ROOT]}, DENIED),
        ({"AWS": [ROLE, SESSION_ARN]}, AccessVerdict.UNKNOWN),
        ({"AWS": SESSION_ARN}, AccessVerdict.UNKNOWN),
        ("*", AccessVerdict.UNKNOWN),
    ):
        allow = {"Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*"}
        access = access_of([narrow, narrow])
        policy = ResourcePolicy("bucket policy of shop", document(allow))
        ruling = beside(access.ruling("s3:GetObject", OBJECT), policy, access)
        assert ruling.verdict is expected, principal
        if expected is DENIED:
            assert (ruling.layer, ruling.statement) == ("boundary", None), principal
            assert "allows it, but no" in ruling.reason, principal


# --- role chaining ----------------------------------------------------------------------------------------------------

EXTERNAL = f"eu-west-1/{ACCOUNT}/demo/shop/orders"
CLUSTER = Cluster(name="demo", arn=POD.cluster_arn, version="1.35", status="ACTIVE")
TRUSTED = (ROLE, ROOT, f"arn:aws:iam::{ACCOUNT}:role/other")


def role(arn: str, trust: dict[str, Any]) -> Role:
    name, limit = arn.rpartition("/")[2], f"{arn}-limit"
    tags = {"team": "Shop"} if arn == ROLE else {}
    return Role(
        name=name, arn=arn, path="/", role_id="AROAEXAMPLE", trust=trust, permissions_boundary_arn=limit, tags=tags
    )


def grants(arn: str, trust: dict[str, Any], layers: list[list[dict[str, Any]]]) -> RoleGrants:
    limit = layers[1][0] if len(layers) > 1 else document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    policies: dict[str, Section[Document]] = {f"p{number}": Known(item) for number, item in enumerate(layers[0])}
    return RoleGrants.of(arn, Known(role(arn, trust)), Known(policies), Known({f"{arn}-limit": Known(limit)}))


def assumes(layers: Any, trust: dict[str, Any]) -> bool:
    """Whether the role assumes the target role with tags. A trust policy that names the role itself is sufficient."""
    table = {**TABLE, "sts:externalid": [EXTERNAL]}
    for action in ACTIONS:
        of_layers = [effects(layer, action, TARGET, TABLE) for layer in layers]
        named, of_account = (lets_in(trust, ("AWS", name), action, table) for name in (ROLE, ROOT))
        limits, identity = all("Allow" in effect for effect in of_layers[1:]), "Allow" in of_layers[0]
        if any("Deny" in effect for effect in of_layers) or not limits or not (named or (of_account and identity)):
            return False
    return True


def chained(base: Any, trust: dict[str, Any], target: Any, policy: dict[str, Any] | None) -> SessionAccess:
    """The access of pods whose association has a target role."""
    association = Association(
        cluster_name="demo",
        namespace="shop",
        service_account="orders",
        association_arn=f"{CLUSTER.arn}/a",
        association_id="a-1",
        role_arn=ROLE,
        target_role_arn=TARGET,
        external_id=EXTERNAL,
        policy=None if policy is None else json.dumps(policy),
    )
    known = {ROLE: grants(ROLE, document(), base), TARGET: grants(TARGET, trust, target)}
    nobody: Any = None
    reader = SessionReader(clients=nobody, now=NOW, specified=dict(SESSION.specified), grants=known)
    place: Any = SimpleNamespace(the_cluster=CLUSTER, region="eu-west-1")
    (access,) = reader.read(place, [association])
    return access


def test_a_second_evaluator_of_role_chaining_agrees() -> None:
    chance, decided = Chance(27), Counter[AccessVerdict]()
    for _ in range(examples(450)):
        base = chance.layers(
            ("*", "sts:*", "sts:AssumeRole", "sts:TagSession"), ("*", TARGET, "arn:aws:iam::*:role/r*")
        )[:2]
        target = chance.layers(("*", "s3:*", "s3:Get*"), ("*", "arn:aws:s3:::shop/*", OBJECT))[:2]
        external = {"StringEquals": {"sts:ExternalId": chance.choice((EXTERNAL, EXTERNAL, EXTERNAL, "other"))}}
        whole = {"Effect": "Allow", "Principal": {"AWS": chance.choice((ROLE, ROOT))}, "Action": list(ACTIONS)}
        trust = document(
            *chance.choice(((), (whole,), (whole,), (whole,))),
            *(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": chance.choice(TRUSTED)},
                    "Action": chance.choice((list(ACTIONS), list(ACTIONS), "sts:*", "sts:AssumeRole")),
                    "Condition": chance.choice(({}, {}, external)),
                }
                for _ in range(chance.randint(1, 3))
            ),
        )
        policy = chance.choice((None, None, document(chance.statement(("*", "s3:Get*"), ("*", OBJECT)))))
        access = chained(base, trust, target, policy)
        of_target = [*target, *([[policy]] if policy is not None else [])]
        table = {**TABLE, "aws:principalarn": [TARGET], "aws:principaltag/team": None}
        for resource in RESOURCES:
            verdict = access.ruling("s3:GetObject", resource).verdict
            if verdict is AccessVerdict.UNKNOWN:
                continue
            expected = assumes(base, trust) and policy_naive.allowed(of_target, "s3:GetObject", resource, table)
            assert verdict is (ALLOWED if expected else DENIED), (base, trust, of_target, resource, access.obstacle)
            decided[verdict] += 1
    assert sum(decided.values()) >= 600, decided
    assert min(decided[ALLOWED], decided[DENIED]) >= 200, decided


def test_a_boundary_limits_a_role_that_the_target_role_names() -> None:
    """Found by the comparison: the policies of the role are silent, and so is its permissions boundary."""
    base = [[document()], [document({"Effect": "Allow", "NotAction": "sts:TagSession", "Resource": "*"})]]
    trust = document({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": list(ACTIONS)})
    access = chained(base, trust, [[document({"Effect": "Allow", "Action": "*", "Resource": "*"})]], None)
    assert access.ruling("s3:GetObject", OBJECT).verdict is DENIED
    assert "its permissions boundary does not allow it" in access.ruling("s3:GetObject", OBJECT).reason


def test_an_allow_with_not_principal_may_be_for_the_role() -> None:
    """Found by the comparison: it was denied."""
    layers = [[document()]]
    others = {"Effect": "Allow", "NotPrincipal": {"AWS": ROOT}, "Action": "s3:*", "Resource": "*"}
    policy = ResourcePolicy("bucket policy of shop", document(others))
    access = access_of(layers)
    assert beside(access.ruling("s3:GetObject", OBJECT), policy, access).verdict is AccessVerdict.UNKNOWN
