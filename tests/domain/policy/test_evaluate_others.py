"""can-i against evaluators that others wrote: moto's, and the sandbox's, which plays IAM's simulator."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult

from harness import table
from podid.domain.policy.evaluate import AccessVerdict
from podid.domain.policy.session import RoleSession
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.can import ActionQuery, check_access
from podid.ops.permissions.session import of_files
from podid.sandbox.aws.policy import Keys, decide

ACCOUNT = "111122223333"
KEYS: Keys = {
    "aws:SourceIp": ("10.0.0.7",),
    "s3:prefix": ("shop/",),
    "aws:PrincipalTag/team": ("blue",),
    "aws:RequestedRegion": ("eu-west-1",),
    "aws:CurrentTime": ("2026-11-24T16:00:00Z",),
    "aws:SecureTransport": ("true",),
}
# what a session knows by itself is not specified
GIVEN = {key.lower(): values for key, values in KEYS.items() if key not in ("aws:CurrentTime", "aws:SecureTransport")}
SESSION = RoleSession(region="eu-west-1", now=datetime(2026, 11, 24, 16, 0, tzinfo=UTC), specified=GIVEN)
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage", "dynamodb:Query", "iam:PassRole")
RESOURCES = (
    "arn:aws:s3:::shop",
    "arn:aws:s3:::shop/a",
    "arn:aws:s3:::shop/orders/b",
    "arn:aws:s3:::other/a",
    f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders",
    f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders",
    f"arn:aws:iam::{ACCOUNT}:role/orders",
    "*",
)
ACTION_PATTERNS = ("*", "s3:*", "s3:Get*", "s3:*Object", "sqs:*", "sqs:Send*", "dynamodb:*", "iam:Pass*", *ACTIONS)
RESOURCE_PATTERNS = (
    *("*", "*", "arn:aws:s3:::*", "arn:aws:s3:::shop", "arn:aws:s3:::shop/*", "arn:aws:s3:::*/a"),
    *("arn:aws:s3:::shop/orders/*", "arn:aws:sqs:*:*:orders", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/*"),
    *(f"arn:aws:iam::{ACCOUNT}:role/*", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:o*"),
)
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}},
    {"StringLike": {"s3:prefix": "shop*"}},
    {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}},
    {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}},
    {"StringEqualsIgnoreCase": {"aws:PrincipalTag/team": "BLUE"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
    {"Null": {"aws:PrincipalTag/team": "true"}},
    {"StringEquals": {"s3:prefix": "shop/"}, "Bool": {"aws:SecureTransport": "false"}},
)
NOT_RESOURCE = ("Resource", "Resource", "Resource", "NotResource")


def policies(number: int, seed: int, *, plain: bool) -> Iterator[dict[str, Any]]:
    """Policies of one to four statements; `plain` ones have what moto evaluates: no conditions and no NotResource."""
    chance = random.Random(seed)

    def statement() -> dict[str, Any]:
        effect = chance.choice(("Allow", "Allow", "Deny"))
        made: dict[str, Any] = {"Effect": effect}
        made[chance.choice(("Action", "Action", "Action", "NotAction"))] = chance.sample(
            ACTION_PATTERNS, chance.randint(1, 3)
        )
        element = "Resource" if plain else chance.choice(NOT_RESOURCE)
        made[element] = chance.sample(RESOURCE_PATTERNS, chance.randint(1, 3))
        if not plain and chance.random() < 0.5:
            made["Condition"] = chance.choice(CONDITIONS)
        return made

    for _ in range(number):
        statements = [statement() for _ in range(chance.randint(1, 4))]
        yield {"Version": "2012-10-17", "Statement": statements}


def answers(policy: dict[str, Any]) -> dict[tuple[str, str], AccessVerdict]:
    report = check_access(of_files({"p": policy}, SESSION), ActionQuery(ACTIONS, RESOURCES), action_table())
    return {(item.ruling.action, item.ruling.resource): item.ruling.verdict for item in report.items}


def test_motos_evaluator_agrees() -> None:
    decided: Counter[bool] = Counter()
    for policy in policies(60, 26, plain=True):
        theirs = IAMPolicy(json.dumps(policy))
        own = answers(policy)
        for action, resource in product(ACTIONS, RESOURCES):
            expected = theirs.is_action_permitted(action, resource) == PermissionResult.PERMITTED
            verdict = AccessVerdict.ALLOWED if expected else AccessVerdict.DENIED
            assert own[action, resource] is verdict, (policy, action, resource)
            decided[expected] += 1
    assert decided[True] > 600
    assert decided[False] > 600


def test_the_sandboxs_evaluator_agrees() -> None:
    """With conditions whose keys all have values, so that nothing is unknown."""
    decided: Counter[bool] = Counter()
    for policy in policies(80, 27, plain=False):
        text, own = json.dumps(policy), answers(policy)
        for action, resource in product(ACTIONS, RESOURCES):
            expected = decide(text, action, resource, KEYS).passes
            verdict = AccessVerdict.ALLOWED if expected else AccessVerdict.DENIED
            assert own[action, resource] is verdict, (policy, action, resource)
            decided[expected] += 1
    assert decided[True] > 600
    assert decided[False] > 600


# https://iam.cloudcopilot.io/resources/operators: operator, values in the request, whether the statement applies
LIKE = ["Owner:*", "State:??"]
RECORDED = [
    ("ForAllValues:StringNotLike", ["Owner:Legal", "State:NY"], False),
    ("ForAllValues:StringNotLike", ["Owner:Legal", "owner:Legal"], False),
    ("ForAllValues:StringNotLike", ["owner:Legal"], True),
    ("ForAllValues:StringNotLike", ["owner:Legal", "State:NewYork"], True),
    ("ForAnyValue:StringNotLike", ["Owner:Legal", "State:NY"], False),
    ("ForAnyValue:StringNotLike", ["owner:Legal", "Owner:Legal"], True),
    ("ForAnyValue:StringNotLike", ["owner:Legal", "State:NewYork"], True),
    ("ForAnyValue:StringNotLike", ["owner:Legal", "State:NewYork", "Owner:Legal"], True),
]


@table(("operator", "values", "applies"), RECORDED)
def test_recorded_results_of_set_operators(operator: str, values: list[str], applies: bool) -> None:
    session = RoleSession(specified={"aws:tagkeys": tuple(values)})
    condition = {operator: {"aws:TagKeys": LIKE}}
    for effect, if_applies in (("Allow", AccessVerdict.ALLOWED), ("Deny", AccessVerdict.DENIED)):
        tag = {"Effect": effect, "Action": "iam:TagRole", "Resource": "*", "Condition": condition}
        rest = [] if effect == "Allow" else [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        policy = {"Version": "2012-10-17", "Statement": [tag, *rest]}
        otherwise = AccessVerdict.DENIED if effect == "Allow" else AccessVerdict.ALLOWED
        ruling = of_files({"p": policy}, session).ruling("iam:TagRole", f"arn:aws:iam::{ACCOUNT}:role/orders")
        assert ruling.verdict is (if_applies if applies else otherwise), (effect, ruling)
