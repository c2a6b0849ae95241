"""Shared parts of the tests of changes: the account as one value, the calls that write, and killed runs."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from harness import Podid
from podid.domain.aws import Association, AttachedPolicy, Role, RolePolicies
from podid.domain.errors import NotFound
from podid.domain.plan import Header, Place
from podid.ops.change.kinds import (
    ROLE_ATTACHMENT,
)
from podid.ops.clients import Clients
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.http import Disconnect, HttpAnswer, HttpRequest
from podid.sandbox.world import ClusterRecord

ACCOUNT = "111122223333"
PLACE = Place(account=ACCOUNT, region="us-west-2")
READ = ("Get", "List", "Describe", "Simulate", "Assume", "Validate")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}],
}


class Attached:
    """Simulates IAM with the attached policies of one role, or without the role."""

    def __init__(self, *arns: str) -> None:
        self.arns = arns

    def get_policies(self, name: str) -> RolePolicies:
        if not self.arns:
            raise NotFound(f"Role {name} does not exist")
        return RolePolicies(attached=tuple(AttachedPolicy(arn, arn) for arn in self.arns))


def attached(*arns: str) -> Clients:
    return cast("Clients", SimpleNamespace(iam=Attached(*arns)))


def _associations(box: Sandbox, cluster: ClusterRecord) -> list[tuple[Any, ...]]:
    return sorted(
        (
            item.namespace,
            item.service_account,
            item.role_arn,
            item.target_role_arn,
            item.disable_session_tags,
            item.policy,
            tuple(sorted(box.world.tags.get(item.arn, {}).items())),
        )
        for item in cluster.associations.values()
    )


def account_state(box: Sandbox) -> dict[str, Any]:
    """Return everything that podid can change, without members that the services assign."""
    cluster = box.world.clusters[box.world.cluster_name]
    backend = box.iam.backend(box.world.account)
    return {
        "associations": _associations(box, cluster),
        "elsewhere": {
            other.name: _associations(box, other) for other in box.world.clusters.values() if other is not cluster
        },
        "addons": sorted(
            (item.name, item.version, item.configuration)
            for item in cluster.addons.values()
            if item.status != "DELETING"
        ),
        "roles": {
            role.name: {
                "path": role.path,
                "trust": _document(role.assume_role_policy_document),
                "inline": {name: _document(text) for name, text in role.policies.items()},
                "attached": sorted(role.managed_policies),
                "tags": sorted((tag["Key"], tag["Value"]) for tag in role.tags),
                "boundary": role.permissions_boundary_arn,
                "description": role.description or "",
                "session": int(role.max_session_duration or 3600),
            }
            for role in backend.roles.values()
        },
    }


def _document(text: object) -> object:
    return json.loads(text) if isinstance(text, str) else text


def writes(box: Sandbox) -> int:
    """Return the number of writing calls that the account has received."""
    return sum(count for (_, name), count in box.faults.calls.items() if not name.startswith(READ))


def is_write(box: Sandbox, request: HttpRequest) -> bool:
    return not box.gateway.name(request).operation.startswith(READ)


@contextmanager
def killed_at_write(box: Sandbox, number: int, when: str, pid: Callable[[], int]) -> Iterator[None]:
    """Kill the caller at its write `number`, counted from 0: `before` the account receives it, or `after` it was
    carried out and before the answer."""
    answer = box.gateway.answer
    numbers = iter(range(1_000_000))
    lock = threading.Lock()

    def answering(request: HttpRequest) -> HttpAnswer:
        if not is_write(box, request):
            return answer(request)
        with lock:
            mine = next(numbers) == number
        if not mine:
            return answer(request)
        if when == "after":
            answer(request)
        os.kill(pid(), signal.SIGKILL)
        raise Disconnect

    box.gateway.answer = answering  # type: ignore[method-assign]  # put back below
    try:
        yield
    finally:
        box.gateway.answer = answer  # type: ignore[method-assign]


def runs(podid: Podid) -> list[dict[str, Any]]:
    """Return the runs of the journal, newest first."""
    outcome = podid("history", "-o", "json")
    assert outcome.code == 0, outcome.stderr
    items: list[dict[str, Any]] = outcome.json["items"]
    return items


def undo_everything(podid: Podid) -> None:
    """Undo every run that is not an undo, newest first. The account has no API server that would tell the users of
    the agent."""
    for item in runs(podid):
        if item["undoes"] is None and item["actions"]:
            outcome = podid("undo", item["runId"], "--yes", "--accept-unread")
            assert outcome.code == 0, outcome.stderr


def policy_file(directory: Path, document: object = POLICY, name: str = "read-table.json") -> str:
    path = directory / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


HEADER = Header(
    caller_arn="arn:aws:iam::111122223333:user/x", account="111122223333", region="us-west-2", cluster="demo"
)
ATTACHMENT = ROLE_ATTACHMENT.action(None, {"roleName": "r", "policyArn": "p"})
UPDATE = ("role", "create", "shared", "--update-trust", "--adopt", "-o", "json", "--for")


def shared_role(box: Sandbox, name: str = "shared") -> None:
    """Create a role whose trust policy lacks sts:TagSession."""
    add_role(box.world, box.iam, name, pods_trust(box.world.clusters["demo"], actions=("sts:AssumeRole",)))


ROLE_ARN = "arn:aws:iam::111122223333:role/a"
SOME_ROLE = Role(name="a", arn=ROLE_ARN, path="/", role_id="AROA", trust={"Statement": []})
SOME_ASSOCIATION = Association(
    cluster_name="demo",
    namespace="shop",
    service_account="orders",
    association_id="a-1",
    association_arn="",
    role_arn=ROLE_ARN,
)
