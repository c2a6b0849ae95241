"""IAM's state, which is moto's, as the rest of the sandbox reads it; and AWS's managed policies, loaded one by one.

moto parses 1,400 managed policies (0.2 s and 60 MB) or none. Here each is cut from moto's text when it is first named.
"""

import json
import os
from typing import Any

# moto reads these when it is imported; the sandbox brings its own account and wants neither CORS nor a metadata server.
os.environ.pop("MOTO_ACCOUNT_ID", None)
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends

from podid.sandbox.aws.service import RoleView
from podid.sandbox.clock import Clock


class MotoIam:
    """Roles and policies of every account, in one partition."""

    def __init__(self, clock: Clock, partition: str) -> None:
        self._clock = clock
        self._partition = partition
        self._history: dict[str, list[tuple[float, str]]] = {}

    def backend(self, account: str) -> IAMBackend:
        """moto's IAM of one account."""
        return iam_backends[account][self._partition]

    def forget(self) -> None:
        """Empties IAM in every account."""
        self._history.clear()
        for backends in list(iam_backends.values()):
            for backend in list(backends.values()):
                backend.reset()

    def role(self, arn: str, *, as_of: float | None = None) -> RoleView | None:
        found = self.find_role(arn)
        if found is None:
            return None
        trust = found.assume_role_policy_document
        history = self._history.get(found.id)
        if as_of is not None and history:
            seen = [document for moment, document in history if moment <= as_of]
            if not seen:
                return None
            trust = seen[-1]
        tags = tuple((tag["Key"], tag["Value"]) for tag in found.tags)
        return RoleView(found.arn, found.id, trust, tags)

    def find_role(self, arn: str) -> Any:
        """moto's role with exactly this ARN, path included, or None."""
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/") or not parts[4].isdigit():
            return None
        return next((role for role in list(self.backend(parts[4]).get_roles()) if role.arn == arn), None)

    def trust_written(self, account: str, role_name: str) -> None:
        """Notes a new trust policy, so that other services can see it late."""
        role = self.role_named(account, role_name)
        if role is not None:
            self._history.setdefault(role.id, []).append((self._clock.now(), role.assume_role_policy_document))

    def role_named(self, account: str, name: str) -> Any:
        return next((role for role in list(self.backend(account).get_roles()) if role.name == name), None)

    def user_named(self, account: str, name: str) -> Any:
        return self.backend(account).users.get(name)

    def identity_policies(self, principal_arn: str) -> list[str]:
        kind, _, name = principal_arn.split(":", 5)[-1].partition("/")
        account = principal_arn.split(":")[4]
        entity = self.user_named(account, name.rsplit("/", 1)[-1]) if kind == "user" else self.find_role(principal_arn)
        if entity is None:
            return []
        attached = [_default_document(policy) for policy in entity.managed_policies.values()]
        return attached + list(entity.policies.values())

    def principal_gone(self, account: str, arn: str, unique_id: str) -> None:
        """IAM shows a deleted principal by its unique id in every trust policy that names it."""
        for role in list(self.backend(account).get_roles()):
            document = role.assume_role_policy_document
            if f'"{arn}"' in document:
                role.assume_role_policy_document = document.replace(f'"{arn}"', f'"{unique_id}"')

    def ensure_managed_policy(self, account: str, arn: str) -> None:
        """Makes one of AWS's own policies known; any other ARN is left to moto."""
        backend = self.backend(account)
        prefix = f"arn:{self._partition}:iam::aws:policy/"
        if not arn.startswith(prefix) or arn in backend.managed_policies:
            return
        data = _managed_policy_data(arn.rsplit("/", 1)[-1])
        if data is None:
            return
        policy = AWSManagedPolicy.from_data(arn.rsplit("/", 1)[-1], account, backend.region_name, data)
        if policy.arn == arn:
            backend.managed_policies[arn] = policy

    def ensure_all_managed_policies(self, account: str) -> None:
        """Makes all of AWS's own policies known, for ListPolicies; takes about half a second."""
        for name, data in json.loads(aws_managed_policies_data).items():
            self.ensure_managed_policy(account, f"arn:{self._partition}:iam::aws:policy{data['Path']}{name}")


def _managed_policy_data(name: str) -> dict[str, Any] | None:
    start = aws_managed_policies_data.find(f'\n "{name}":{{')
    if start < 0:
        return None
    end = aws_managed_policies_data.index("\n }", start)
    document: dict[str, dict[str, Any]] = json.loads("{" + aws_managed_policies_data[start : end + 3] + "}")
    return document[name]


def _default_document(policy: Any) -> str:
    version = next((item for item in policy.versions if item.is_default), policy.versions[-1])
    return str(version.document)
