"""Shared parts of the tests of permissions."""

import json
from typing import Any

from worlds import ACCOUNT, Site

TABLE = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders"  # of POLICY of worlds.py
READ = "dynamodb:GetItem"
BUCKET = "arn:aws:s3:::reports"
EVERYTHING = ("eks:*", "iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy")
OWN = ("shop/orders", "allowed", [TABLE])


def can_i(site: Site, *words: str, code: int, **how: Any) -> Any:
    outcome = site("can-i", *words, "-o", "json", **how)
    assert outcome.code == code, outcome
    return outcome.json


def answer(site: Site, *words: str, code: int, **how: Any) -> Any:
    (item,) = can_i(site, *words, code=code, **how)["items"]
    return item


def document(*actions: str, effect: str = "Allow", resource: str = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": actions, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def put(site: Site, name: str, policy: dict[str, Any], role: str = "shop-orders", *, account: str = ACCOUNT) -> None:
    key = None if account == ACCOUNT else site.box.world.credentials.add_user(f"of-{name}", account=account)
    site.aws("iam", key=key).put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


def unread(report: Any) -> list[tuple[str, str | None]]:
    return [(item["what"], item["permission"]) for item in report["notChecked"]]


def who_can(site: Site, *words: str, code: int = 0, **how: Any) -> Any:
    outcome = site("who-can", *words, "-o", "json", **how)
    assert outcome.code == code, outcome
    return outcome.json


def rows(report: Any) -> list[tuple[str, str, list[str]]]:
    return [
        (f"{item['namespace']}/{item['serviceAccount']}", item["verdict"], item["resources"])
        for item in report["items"]
    ]


def privileges(site: Site, *words: str, code: int = 0, **how: Any) -> Any:
    outcome = site("privileges", *words, "-o", "json", **how)
    assert outcome.code == code, outcome
    return outcome.json


def levels(report: Any) -> dict[str, dict[str, int]]:
    return {
        item["service"]: {level["level"]: len(level["actions"]) for level in item["levels"]}
        for item in report["services"]
    }


def managed(site: Site, name: str, policy: dict[str, Any]) -> str:
    created = site.aws("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))
    return str(created["Policy"]["Arn"])
