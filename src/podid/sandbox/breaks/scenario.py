"""Changes of the account and the cluster that create a failure mode, each recorded with its reversal.

A failure mode that requires pods gets an identity of its own, named after the failure mode, in namespace `broken`.
Several failure modes can therefore exist at one time, and no object of a user changes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.sandbox.contract import Before

if TYPE_CHECKING:
    from podid.sandbox.aws.moto_backend import IamStore
    from podid.sandbox.credentials import Credential
    from podid.sandbox.kube.sandbox import KubeSandbox
    from podid.sandbox.world import AssociationRecord, ClusterRecord, World

Json = dict[str, Any]
NAMESPACE = "broken"
_HOME = f"/api/v1/namespaces/{NAMESPACE}"
CONTAINER = "app"
AGENTS = f"/apis/apps/v1/namespaces/{AGENT_NAMESPACE}/daemonsets/{AGENT_ADDON}"
# long enough for an agent's pod to become ready, and for an association to propagate
A_WHILE = 180
_DAY = 86400.0
_ROLES_AGE = timedelta(days=1000)
# the API server sets these members and refuses them from a client
_SET_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp")
_TABLE = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}


@dataclass(frozen=True, slots=True)
class BrokenIdentity:
    """A service account, its role and a Deployment that uses it, all with the same name."""

    name: str
    role: str
    role_arn: str

    def __str__(self) -> str:
        return f"{NAMESPACE}/{self.name}"

    @property
    def deployment(self) -> str:
        return f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{self.name}"

    @property
    def account(self) -> str:
        return f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The parts of a running sandbox that failure modes change."""

    world: World
    iam: IamStore
    kube: KubeSandbox
    endpoint_url: str
    admin_key: Credential


class Scenario:
    """The changes of one failure mode in one sandbox. `undo` reverses them, the last one first."""

    def __init__(self, reach: Reach, mode: str) -> None:
        from podid.sandbox.kube.client import ClusterApi

        self.mode = mode
        self.world, self.iam, self.kube = reach.world, reach.iam, reach.kube
        self.cluster = ClusterApi(self.kube)
        self._reach = reach
        self._undo: list[Callable[[], object]] = []
        self._before = self._now()

    @property
    def record(self) -> ClusterRecord:
        return self.world.clusters[self.world.cluster_name]

    def on_undo(self, step: Callable[[], object]) -> None:
        """Record the reversal of the next change."""
        self._undo.append(step)

    def undo(self) -> None:
        """Reverse the changes. Objects that are gone or have changed since stay unchanged."""
        self._before = self._now()
        while self._undo:
            with contextlib.suppress(AssertionError, KeyError, ValueError):
                self._undo.pop()()
        self.advance_time(60)
        self._delete_empty_namespace()
        self.advance_time(10)

    def advance_time(self, seconds: int = A_WHILE) -> None:
        """Simulate this time for the objects that the failure mode created or changed: they get older, and controllers
        act on them. The clock does not move, so a client sees objects that have existed for some time. Earlier objects
        keep their age."""
        clock, before = self.world.clock, self._before

        def grow_older() -> None:
            with self.world.lock:
                self.world.grow_older(seconds, before)
                self.iam.grow_older(self.world.account, seconds, before)
                clock.turn_back(seconds)

        self.world.notify()
        self.kube.live_through(seconds, before, clock.advance, grow_older)

    def _now(self) -> Before:
        with self.world.lock:
            ids = self.world.ids() | self.iam.ids(self.world.account)
        return Before(self.world.clock.now(), ids | self.kube.uids())

    def aws(self, service: str) -> Any:
        """Return a boto3 client with the administrator's credentials."""
        import boto3

        key = self._reach.admin_key
        return boto3.session.Session().client(
            service,
            endpoint_url=self._reach.endpoint_url,
            region_name=self.world.region,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )

    # changes of the cluster

    def create(self, collection: str, body: Json) -> Json:
        created = self.cluster.post(collection, body)
        self.on_undo(lambda: self.cluster.delete(f"{collection}/{created['metadata']['name']}"))
        return created

    def merge(self, path: str, patch: Json) -> None:
        before = _without_server_fields(self.cluster.get(path))
        self.cluster.merge(path, patch)
        self.on_undo(lambda: self.cluster.put(path, before))

    def delete(self, path: str) -> None:
        before = _without_server_fields(self.cluster.get(path))
        self.cluster.delete(path)
        self.on_undo(lambda: self.cluster.post(path.rpartition("/")[0], before))

    def add_node(self, address: str, **settings: Any) -> str:
        """Add a node for this failure mode. Return its name."""
        name = str(self.kube.add_node(address, f"i-{address.replace('.', '-')}", **settings)["metadata"]["name"])
        self.on_undo(lambda: self.cluster.delete(f"/api/v1/nodes/{name}"))
        self.on_undo(self.advance_time)  # without the node's kubelet, the pods of the node would not end
        return name

    def instance_id(self, node: str) -> str:
        return str(self.cluster.get(f"/api/v1/nodes/{node}")["spec"]["providerID"]).rpartition("/")[2]

    def set_metadata_options(self, node: str, **options: str | int) -> None:
        """Change options of the metadata service of a node's instance."""
        instance, ec2 = self.instance_id(node), self.aws("ec2")
        (described,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        # moto resets the options that a call omits
        before = {name: value for name, value in described["MetadataOptions"].items() if name.startswith("Http")}
        ec2.modify_instance_metadata_options(InstanceId=instance, **{**before, **options})
        self.on_undo(lambda: ec2.modify_instance_metadata_options(InstanceId=instance, **before))

    # changes of the account

    def create_role(self, name: str, trust: Json | None = None, *, allows: Json | None = _TABLE) -> str:
        """Create a role and return its ARN. `allows` is the only statement of its policy; None creates no policy."""
        from podid.sandbox import baseline

        inline = None if allows is None else {"access": {"Version": "2012-10-17", "Statement": [allows]}}
        trust = trust or baseline.pods_trust(self.record)
        arn = baseline.add_role(self.world, self.iam, name, trust, inline=inline)
        role = self.iam.role_named(self.world.account, name)
        role.create_date = self.world.clock.datetime().replace(tzinfo=None, microsecond=0) - _ROLES_AGE
        self.on_undo(lambda: self.delete_role(name))
        return arn

    def delete_role(self, name: str) -> None:
        """Delete the role and its policies."""
        iam = self.aws("iam")
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
            for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            iam.delete_role(RoleName=name)

    def set_trust(self, role: str, document: Json) -> None:
        self.aws("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))

    def associate(self, account: str, role: str, *, age: float = _DAY, **more: Any) -> AssociationRecord:
        """Create an association of service account `NAMESPACE/account` or `namespace/account`, `age` seconds old. Like
        EKS, this does not check that the service account exists."""
        from podid.sandbox.aws.eks_associations import new_association

        namespace, _, name = account.rpartition("/")
        arn = f"arn:{self.world.partition}:iam::{self.world.account}:role/{role}"
        subject, born = (namespace or NAMESPACE, name), self.world.clock.now() - age
        with self.world.lock:
            association = new_association(self.world, self.record, subject, arn, created_at=born, **more)
            self.world.put_association(self.record, association)
        self.on_undo(lambda: self.delete_association(association.id))
        self._changed("associations")
        return association

    def change_association(self, association: AssociationRecord, **more: Any) -> None:
        with self.world.lock:
            self.world.put_association(self.record, replace(self.record.associations[association.id], **more))
        self._changed("associations")

    def delete_association(self, association_id: str) -> None:
        with self.world.lock:
            self.world.remove_association(self.record, association_id)
        self._changed("associations")

    def _changed(self, resource: str) -> None:
        self.world.changed(resource)
        self.world.notify()

    # prerequisites

    def install_agent(self) -> None:
        """Install the agent on every node. `undo` keeps it, because other failure modes may need it by then."""
        if AGENT_ADDON not in self.record.addons:
            self.aws("eks").create_addon(clusterName=self.world.cluster_name, addonName=AGENT_ADDON)
        self.advance_time(A_WHILE)

    def create_identity(
        self, *, associated: bool = True, trust: Json | None = None, allows: Json | None = _TABLE
    ) -> BrokenIdentity:
        """Create a service account with its role, and with `associated` its association. `create_workload` creates its
        pods."""
        name = self.mode
        self.create_namespace()
        self.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": name}})
        identity = BrokenIdentity(name, name, self.create_role(name, trust, allows=allows))
        if associated:
            self.associate(name, name)
        return identity

    def create_namespace(self) -> None:
        """Create the namespace, if required. It is deleted with the last object in it."""
        if not self._has_namespace():
            self.cluster.make_namespace(NAMESPACE)

    def create_workload(
        self,
        name: str = "",
        account: str | None = None,
        *,
        pod: Json | None = None,
        container: Json | None = None,
        annotations: Mapping[str, str] | None = None,
        replicas: int = 2,
    ) -> None:
        """Create a Deployment in NAMESPACE that has run for some time. `pod` and `container` add members to the pod's
        spec and to its only container."""
        from podid.sandbox.kube.client import pod_spec

        name = name or self.mode
        spec = pod_spec(name if account is None else account, **(pod or {}))
        spec["containers"][0].update(container or {})
        labels = {"app": name}
        template = {"metadata": {"labels": labels, "annotations": dict(annotations or {})}, "spec": spec}
        body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        deployment = {"metadata": {"name": name, "labels": labels}, "spec": body}
        self.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", deployment)
        self.advance_time()

    def create_working_identity(self, **workload: Any) -> BrokenIdentity:
        """Create an identity whose pods get credentials, unless `workload` prevents it."""
        self.install_agent()
        identity = self.create_identity()
        self.create_workload(**workload)
        return identity

    def replace_pods(self, app: str = "", namespace: str = NAMESPACE) -> None:
        for name in self.cluster.pod_names(namespace, app or self.mode):
            self.cluster.delete(f"/api/v1/namespaces/{namespace}/pods/{name}")
        self.advance_time()

    def _delete_empty_namespace(self) -> None:
        if not self._has_namespace():
            return
        objects = [*self.cluster.items(f"{_HOME}/serviceaccounts"), *self.cluster.items(f"{_HOME}/pods")]
        if all(item["metadata"]["name"] == "default" for item in objects):
            self.cluster.delete(_HOME)

    def _has_namespace(self) -> bool:
        return any(item["metadata"]["name"] == NAMESPACE for item in self.cluster.items("/api/v1/namespaces"))


def _without_server_fields(obj: Json) -> Json:
    """Return the object without the members that the server sets."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SET_BY_SERVER}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
