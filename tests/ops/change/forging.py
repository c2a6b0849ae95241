"""Runs in the journal that podid did not make."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.change.support import ACCOUNT
from podid.domain.plan import Action, Done, Header, Plan, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import (
    ROLE,
    ROLE_TRUST,
)
from podid.ops.change.requested import Requested, RequestSource, check_requested
from podid.sandbox.box import Sandbox

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role"


ASSOCIATE = ("associate", "shop/orders", "--role", "storefront", "--wait", "none")


CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")


CALLER = f"arn:aws:iam::{ACCOUNT}:user/podid-admin"


PODS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
    ],
}


ADMIN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def opened(principal: object, **more: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [*PODS["Statement"], statement]}


def forged(journal: Path, *actions: Action, caller: str = CALLER, account: str = ACCOUNT) -> str:
    """Write a run into the journal that records these actions as done, and return its id."""
    header = Header(caller_arn=caller, account=account, region="us-west-2", cluster="demo")
    with Journal(journal).begin(("x",), header, datetime.now(UTC), actions) as recorder:
        for number, action in enumerate(actions):
            recorder.intent(number, action)
            recorder.outcome(number, Done(action, Status.DONE, action.after))
    return recorder.run_id


def judged(plan: Plan, clients: Any = None, *, recorded_caller: str = "") -> tuple[str, ...]:
    """Return the sentences on changes of an undo that require an answer. Raise Conflict for those that are refused."""
    requested = Requested(source=RequestSource.JOURNAL, plan=plan, clients=clients, recorded_caller=recorded_caller)
    return check_requested(requested)


def document_of(box: Sandbox, name: str) -> Any:
    role = next(role for role in box.iam.backend(ACCOUNT).roles.values() if role.name == name)
    return json.loads(role.assume_role_policy_document)


def trust_of(box: Sandbox, document: object) -> Action:
    return ROLE_TRUST.action(
        {"roleName": "storefront", "policyDocument": document},
        {"roleName": "storefront", "policyDocument": document_of(box, "storefront")},
    )


def role_with(document: object, **more: object) -> Action:
    state = {"roleName": "forged", "path": "/", "description": "", "maxSessionDuration": 3600, "tags": {}, **more}
    return ROLE.action({**state, "permissionsBoundary": "", "trustPolicy": document}, None)


NONE = ("--wait", "none")
