"""Shared parts of the tests of roles."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from podid.sandbox.box import Sandbox
from worlds import Site

S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def detach(role: str = "shop-orders") -> tuple[str, ...]:
    return ("role", "detach", role, "--managed-policy", "AmazonS3ReadOnlyAccess", "--inline-policy", "read-table")


CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")
CREATE_READER = ("role", "create", "reader", "--for", "shop/reader")
READ = ("--preset", "dynamodb-read,table=orders")
PODS = {"Service": "pods.eks.amazonaws.com"}
SQS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
WIDE = {"Effect": "Allow", "Principal": PODS, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def long_policy(statements: int) -> Mapping[str, object]:
    """Return a policy with about 155 characters for each statement."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * 90}/*"}
    return {"Version": "2012-10-17", "Statement": [statement] * statements}


def listed(site: Site, name: str = "shop-orders") -> Any:
    items = site.must("role", "list", "-o", "json").json["items"]
    return next((item for item in items if item["roleName"] == name), None)


def shown(site: Site, name: str = "shop-orders") -> Any:
    return site.must("role", "show", name, "-o", "json").json


OF_WEB = document({**WIDE, "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}})
UNTAGGED = document({**WIDE, "Action": "sts:AssumeRole"})


# --- role chaining ----------------------------------------------------------------------------------------------------


OWN, OTHER = "111122223333", "999988887777"
BASE = f"arn:aws:iam::{OWN}:role/shop-orders"
CREATE_CHAIN = ("role", "create", "shop-orders", "--for", "shop/orders", "--target-role")
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "sts:AssumeRole"}
ADD = "must add to its trust policy: "


def arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/reports"


def make_target(box: Sandbox, account: str, *statements: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    box.iam.make_role(account, "reports", json.dumps(document))


def names_role(name: str = "shop-orders", **more: Any) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{OWN}:role/{name}"}
    return {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"], **more}


def profile(box: Sandbox, directory: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write an AWS profile of an administrator of that account, and return its name."""
    key = box.world.credentials.add_user("auditor", account=account)
    file = directory / "credentials"
    file.write_text(
        f"[theirs]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    return "theirs"


def owner_statements(text: str) -> list[Any]:
    """Return the statements for the owner in a text."""
    values = [json.loads(line.partition(ADD)[2]) for line in text.splitlines() if ADD in line]
    return [statement for value in values for statement in (value if isinstance(value, list) else [value])]


def owner_changes(document: Any) -> list[Any]:
    """Return the statements for the owner in the document of a plan or a result."""
    return [statement for target in document["targetRoles"] for statement in target["addToTrustPolicy"]]


def bound(statements: list[Any]) -> bool:
    """Return whether each statement that allows sts:AssumeRole has a condition."""
    return all("Condition" in item for item in statements if "sts:AssumeRole" in item["Action"])


WAYS = {
    "create": "role create shop-orders --for shop/orders --target-role",
    "associate": "associate shop/orders --create-role --role shop-orders --wait none --target-role",
}


def trust_of(box: Sandbox, account: str) -> Any:
    return json.loads(box.iam.role_named(account, "reports").assume_role_policy_document)
