"""Saved plans that an attacker edited, with the digest computed again."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.declare.worlds import ARN
from worlds import ACCOUNT

Plan = dict[str, Any]
Edit = Callable[[Plan], object]

PODS = "pods.eks.amazonaws.com"
SAFE = {
    "Effect": "Allow",
    "Principal": {"Service": PODS},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
    "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
}


def forged(path: Path, edit: Edit) -> Path:
    """Edit the first part of a saved plan in place, and compute the digest again."""
    document = json.loads(path.read_text())
    edit(document["parts"][0])
    path.write_text(json.dumps(with_digest(document)))
    return path


def with_digest(document: Plan) -> Plan:
    covered = {name: value for name, value in document.items() if name not in ("digest", "signature")}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return {**document, "digest": hashlib.sha256(text.encode()).hexdigest()}


def action(kind: str, before: object, after: object) -> Plan:
    return {"kind": kind, "before": before, "after": after, "note": ""}


def adding(*actions: Plan) -> Edit:
    return lambda part: part["actions"].extend(actions)


def trusting(*statements: object) -> Plan:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def attachment(role: str, policy: str) -> Plan:
    return action("role-attachment", None, {"roleName": role, "policyArn": f"arn:aws:iam::aws:policy/{policy}"})


def inline(role: str, *statements: Plan) -> Plan:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Resource": "*", **item} for item in statements],
    }
    return action("role-policy", None, {"roleName": role, "policyName": "forged", "policyDocument": policy})


def new_role(name: str, *statements: object, **more: object) -> Plan:
    state = {"roleName": name, "path": "/", "description": "", "maxSessionDuration": 3600, "tags": {}}
    return action("role", None, {**state, "permissionsBoundary": "", "trustPolicy": trusting(*statements), **more})


def association(account: str, **more: object) -> Plan:
    state = {"namespace": "shop", "serviceAccount": account, "roleArn": f"{ARN}web", "targetRoleArn": None}
    return action("association", None, {**state, "disableSessionTags": False, "policy": None, "tags": {}, **more})
