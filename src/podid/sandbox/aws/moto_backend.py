"""All uses of moto in the sandbox: the state of IAM and EC2, and the applications that answer their calls.

Many of the names are not public. tests/sandbox/test_aws_moto.py checks each of them against the installed moto, so
that one test names a moved member instead of a hundred failing tests.

moto parses either all 1,400 managed policies (0.2 s and 60 MB) or none. This module extracts each policy from moto's
text when it is first named.
"""

import copy
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any, Literal

# moto reads these on import: the sandbox has its own account and requires neither CORS nor a metadata server
os.environ.pop("MOTO_ACCOUNT_ID", None)
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends

from podid.sandbox.contract import Before, SandboxClock
from podid.sandbox.credentials import Credential
from podid.sandbox.http import HttpAnswer, HttpRequest

VPC_ID = "vpc-0a1b2c3d4e5f60001"
SUBNET_IDS = ("subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002", "subnet-0a1b2c3d4e5f60003")
CLUSTER_SECURITY_GROUP_ID = "sg-0a1b2c3d4e5f60001"
INSTANCE_IDS = ("i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002", "i-0a1b2c3d4e5f60003")
INSTANCE_TYPE = "m6i.large"
INSTANCE_PROFILE = "demo-node-profile"
NODEGROUP = "workers"

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role as another service sees it."""

    arn: str
    role_id: str
    trust: str
    tags: Tags = ()


class IamStore:
    """Users, roles and policies of every account, in one partition."""

    def __init__(self, clock: SandboxClock, partition: str) -> None:
        self._clock = clock
        self._partition = partition
        self._history: dict[str, list[tuple[float, str]]] = {}
        self.control_policies: list[str] = []
        """The organization's service control policies, where the account is in one: each has to allow a call."""

    def backend(self, account: str) -> IAMBackend:
        """Return moto's IAM backend of one account."""
        return iam_backends[account][self._partition]

    def trust_quota(self, account: str) -> int:
        """Return the number of characters that a trust policy of the account may have."""
        quota: int = self.backend(account).account_summary._assume_role_policy_size_quota
        return quota

    def raise_trust_quota(self, account: str, characters: int) -> None:
        self.backend(account).account_summary._assume_role_policy_size_quota = characters

    def forget(self) -> None:
        """Empty IAM in every account."""
        self._history.clear()
        self.control_policies.clear()
        for backends in list(iam_backends.values()):
            for backend in list(backends.values()):
                backend.reset()

    def tags(self, principal_arn: str) -> Tags:
        """Return the tags of a user or a role; none if it is gone."""
        principal = self.find(principal_arn)
        return tuple((tag["Key"], tag["Value"]) for tag in principal.tags or ()) if principal is not None else ()

    def role(self, arn: str, *, as_of: float | None = None) -> RoleView | None:
        """Return the role, or None. With `as_of`, return its state at that moment, to simulate propagation."""
        role = self.find(arn)
        if role is None:
            return None
        trust = role.assume_role_policy_document
        history = self._history.get(role.id)
        if as_of is not None and history:
            documents = [document for moment, document in history if moment <= as_of]
            if not documents:
                return None
            trust = documents[-1]
        return RoleView(role.arn, role.id, trust, self.tags(arn))

    def find(self, arn: str) -> Any:
        """Return moto's user or role with exactly this ARN (path included), or None."""
        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[2] != "iam" or not parts[4].isdigit():
            return None
        kind, backend = parts[5].partition("/")[0], self.backend(parts[4])
        known: Any = backend.get_roles() if kind == "role" else backend.users.values() if kind == "user" else ()
        return next((entity for entity in list(known) if entity.arn == arn), None)

    def trust_written(self, account: str, role_name: str) -> None:
        """Record a new trust policy, which reaches other services with a delay."""
        role = self.role_named(account, role_name)
        if role is not None:
            self._history.setdefault(role.id, []).append((self._clock.now(), role.assume_role_policy_document))

    def role_made(self, account: str, role_name: str) -> None:
        """Set the creation date of a new role from the sandbox's clock; moto uses the machine's clock."""
        self.role_named(account, role_name).create_date = self._clock.datetime().replace(microsecond=0, tzinfo=None)

    def role_used(self, arn: str, at: datetime, region: str) -> None:
        """Set the last use of a role if it is later than the recorded one."""
        role, used = self.find(arn), at.replace(tzinfo=None)
        if role is not None and (role.last_used is None or role.last_used < used):
            role.last_used, role.last_used_region = used, region

    def copied(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield each of moto's backends with copies of its roles and OIDC providers by the name of the attribute.
        Managed policies are shared."""
        for backend in [backend for backends in list(iam_backends.values()) for backend in list(backends.values())]:
            attached = [policy for role in backend.roles.values() for policy in role.managed_policies.values()]
            shared: dict[int, Any] = {id(policy): policy for policy in attached}
            names = ("roles", "open_id_providers")
            yield backend, {name: copy.deepcopy(getattr(backend, name), shared) for name in names}

    def ids(self, account: str) -> frozenset[str]:
        """Return the ids of all roles."""
        return frozenset(role.id for role in list(self.backend(account).get_roles()))

    def grow_older(self, account: str, seconds: float, before: Before) -> None:
        """Move the creation of roles and the changes of trust policies back by `seconds`, except for objects in
        `before`."""
        for role in list(self.backend(account).get_roles()):
            if role.id not in before.ids:
                role.create_date -= timedelta(seconds=seconds)
        for of, history in self._history.items():
            history[:] = [(before.older(moment, seconds, of), document) for moment, document in history]

    def role_named(self, account: str, name: str) -> Any:
        return next((role for role in list(self.backend(account).get_roles()) if role.name == name), None)

    def user_named(self, account: str, name: str) -> Any:
        return self.backend(account).users.get(name)

    def credential(self, access_key_id: str) -> Credential | None:
        """Return an active key of CreateAccessKey. Its permissions are the policies of its user."""
        for account, partitions in list(iam_backends.items()):
            key = partitions[self._partition].access_keys.get(access_key_id)
            if key is None or key.status != "Active":
                continue
            user = self.user_named(account, str(key.user_name))
            if user is not None:
                return Credential(access_key_id, key.secret_access_key, "", user.arn, user.id, account)
        return None

    def identity_policies(self, principal_arn: str) -> list[str]:
        """Return the attached and inline policy documents of a user (with its groups') or a role; none if it is
        gone."""
        entity = self.find(principal_arn)
        if entity is None:
            return []
        holders = [entity]
        if ":user/" in principal_arn:
            holders += self.backend(principal_arn.split(":")[4]).get_groups_for_user(entity.name)
        return [document for holder in holders for document in _documents(holder)]

    def boundary(self, principal_arn: str) -> str | None:
        """Return the document of a role's permissions boundary: "" if that policy is gone, None without a boundary."""
        arn = getattr(self.find(principal_arn), "permissions_boundary_arn", None)
        if not arn:
            return None
        policy = self.backend(principal_arn.split(":")[4]).managed_policies.get(arn)
        return _default_document(policy) if policy is not None else ""

    def principal_gone(self, account: str, arn: str, unique_id: str) -> None:
        """Replace a deleted principal with its unique id in every trust policy that names it, as IAM does."""
        for role in list(self.backend(account).get_roles()):
            document = role.assume_role_policy_document
            if f'"{arn}"' in document:
                role.assume_role_policy_document = document.replace(f'"{arn}"', f'"{unique_id}"')

    def ensure_managed_policy(self, account: str, arn: str) -> None:
        """Add one AWS managed policy to moto. Any other ARN is left to moto."""
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
        """Add all AWS managed policies to moto, for ListPolicies. Takes about half a second."""
        for name, data in json.loads(aws_managed_policies_data).items():
            self.ensure_managed_policy(account, f"arn:{self._partition}:iam::aws:policy{data['Path']}{name}")

    # The baseline is created without IAM's rules, so that it can contain objects that IAM would refuse.

    def make_role(
        self, account: str, name: str, trust: str, path: str = "/", tags: Mapping[str, str] | None = None
    ) -> Any:
        """Create a role in moto without a policy."""
        return self.backend(account).create_role(
            role_name=name,
            assume_role_policy_document=trust,
            path=path,
            permissions_boundary=None,
            description="",
            tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
            max_session_duration="3600",
        )

    def attach(
        self, entity: Any, account: str, managed: Iterable[str], inline: Mapping[str, Any] | None = None
    ) -> None:
        """Attach AWS managed policies by name and inline policies to moto's user or role."""
        for name in managed:
            arn = f"arn:{self._partition}:iam::aws:policy/{name}"
            self.ensure_managed_policy(account, arn)
            self.backend(account).managed_policies[arn].attach_to(entity)
        entity.policies.update({name: json.dumps(document) for name, document in (inline or {}).items()})

    def make_user(self, account: str, region: str, name: str) -> Any:
        return self.backend(account).create_user(region, name, "/")

    def make_oidc_provider(self, account: str, url: str) -> None:
        """Create the OIDC provider of a cluster's issuer, as `eksctl utils associate-iam-oidc-provider` creates it."""
        thumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
        self.backend(account).create_open_id_connect_provider(
            url=url, thumbprint_list=[thumbprint], client_id_list=["sts.amazonaws.com"], tags=[]
        )

    def make_instance_profile(self, account: str, name: str, role_name: str) -> None:
        self.backend(account).create_instance_profile(name, "/", [])
        self.backend(account).add_role_to_instance_profile(name, role_name)


def _documents(holder: Any) -> list[str]:
    return [*map(_default_document, holder.managed_policies.values()), *holder.policies.values()]


def _managed_policy_data(name: str) -> dict[str, Any] | None:
    text = _managed_policy_text(name)
    document: dict[str, dict[str, Any]] = json.loads(text) if text else {}
    return document.get(name)


@cache
def _managed_policy_text(name: str) -> str:
    """Extract the text of a managed policy from several megabytes."""
    start = aws_managed_policies_data.find(f'\n "{name}":{{')
    if start < 0:
        return ""
    end = aws_managed_policies_data.index("\n }", start)
    return "{" + aws_managed_policies_data[start : end + 3] + "}"


def _default_document(policy: Any) -> str:
    version = next((item for item in policy.versions if item.is_default), policy.versions[-1])
    return str(version.document)


def answer_by_moto(
    service: Literal["ec2", "iam"], request: HttpRequest, account: str, authorization: str
) -> HttpAnswer:
    """Return moto's answer to an authorized call of IAM or EC2. moto reads the region from `authorization` only."""
    from moto.core.request import Request

    headers = {name: value for name, value in request.headers.items() if not name.startswith(("x-moto", "host"))}
    headers |= {"authorization": authorization, "x-moto-account-id": account}
    called = Request.from_values(
        "/", method=request.method, query_string=request.query, data=request.body, headers=headers
    )
    status, fields, content = _responses(service).dispatch(called, called.url, dict(called.headers))
    dropped = ("content-length", "connection", "server", "date", "status")
    kept = {name: str(value) for name, value in fields.items() if name.lower() not in dropped}
    return HttpAnswer(status, kept, content if isinstance(content, bytes) else content.encode())


@cache
def _responses(service: Literal["ec2", "iam"]) -> Any:
    # The services' own classes instead of moto's server, which would also serve moto's own paths.
    if service == "ec2":
        from moto.ec2.responses import EC2Response

        return EC2Response
    from moto.iam.responses import IamResponse

    return IamResponse


def clear_ec2() -> None:
    """Delete everything in EC2 of every account."""
    from moto.ec2.models import ec2_backends

    for backends in list(ec2_backends.values()):
        for backend in list(backends.values()):
            backend.reset()


def seed_ec2(region: str, account: str, cluster_name: str) -> None:
    """Create the baseline of EC2: the cluster's VPC with three subnets and its security group, and three nodes with
    the instance profile of the node role. Importing moto's EC2 takes half a second, so this runs at the first call
    of EC2."""
    from moto.ec2.models import ec2_backends, instances, security_groups, subnets, vpcs

    # moto loads these for each EC2 backend: hundreds of unused images took most of the time
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    clear_ec2()
    backend = ec2_backends[account][region]
    with _ids(vpcs, "random_vpc_id", (VPC_ID,)):
        backend.create_vpc("10.0.0.0/16")
    with _ids(subnets, "random_subnet_id", SUBNET_IDS):
        for index, _ in enumerate(SUBNET_IDS):
            zone = f"{region}{'abc'[index]}"
            backend.create_subnet(VPC_ID, f"10.0.{index}.0/24", availability_zone=zone)
    internet = backend.create_internet_gateway()
    backend.attach_internet_gateway(internet.id, VPC_ID)
    (main,) = backend.describe_route_tables(filters={"vpc-id": [VPC_ID]})
    backend.create_route(main.id, "0.0.0.0/0", gateway_id=internet.id)
    with _ids(security_groups, "random_security_group_id", (CLUSTER_SECURITY_GROUP_ID,)):
        name = f"eks-cluster-sg-{cluster_name}"
        backend.create_security_group(name, "EKS created security group", vpc_id=VPC_ID)
    tags = {
        "eks:cluster-name": cluster_name,
        "eks:nodegroup-name": NODEGROUP,
        f"kubernetes.io/cluster/{cluster_name}": "owned",
    }
    with _ids(instances, "random_instance_id", INSTANCE_IDS):
        for index, subnet_id in enumerate(SUBNET_IDS):
            backend.run_instances(
                "ami-12c6146b",
                1,
                None,
                [],
                instance_type=INSTANCE_TYPE,
                is_instance_type_default=False,
                subnet_id=subnet_id,
                private_ip=f"10.0.{index}.{10 + index}",
                security_group_ids=[CLUSTER_SECURITY_GROUP_ID],
                tags={"instance": tags},
                metadata_options={"HttpTokens": "required"},
            )
    for instance_id in INSTANCE_IDS:
        backend.associate_iam_instance_profile(instance_id, INSTANCE_PROFILE)


def metadata_options(region: str, account: str, instance_id: str) -> tuple[bool, int, bool]:
    """Return whether an instance's metadata service is enabled, the hop limit of its tokens, and whether it requires
    tokens. Before the first call of EC2, these are the values of the baseline."""
    from moto.ec2.models import ec2_backends

    instance = ec2_backends[account][region].get_instance_by_id(instance_id)
    if instance is None:
        return True, 1, True
    options = instance.metadata_options
    return options.http_endpoint != "disabled", options.http_put_response_hop_limit, options.http_tokens == "required"


@contextmanager
def _ids(module: ModuleType, generator: str, ids: Sequence[str]) -> Iterator[None]:
    """Replace moto's random ids with fixed ones, because DescribeCluster and the nodes contain them too."""
    waiting = iter(ids)
    original = getattr(module, generator)
    setattr(module, generator, lambda: next(waiting))
    try:
        yield
    finally:
        setattr(module, generator, original)
