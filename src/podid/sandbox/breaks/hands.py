"""Changes of the account and the cluster that put a failure mode in place, each recorded with its reversal.

What pods are needed for gets an identity of its own, named after the failure mode, in namespace `broken`: several
failure modes stand side by side, and nothing that somebody else has made is touched.
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
# long enough for an agent's pod to be judged, and for an association to be in effect everywhere
A_WHILE = 180
_DAY = 86400.0
_ROLES_AGE = timedelta(days=1000)
# what the API server sets, and does not take from a client
_SET_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp")
_TABLE = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}


@dataclass(frozen=True, slots=True)
class BrokenIdentity:
    """A service account, its role and a Deployment that runs as it, all of one name."""

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


class Hands:
    """On one sandbox, for one failure mode. `undo` takes everything back, the last thing first."""

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

    def later(self, step: Callable[[], object]) -> None:
        """Record the reversal of the next change."""
        self._undo.append(step)

    def undo(self) -> None:
        """Reverse the changes. Objects that are gone or have changed since stay unchanged."""
        self._before = self._now()
        while self._undo:
            with contextlib.suppress(AssertionError, KeyError, ValueError):
                self._undo.pop()()
        self.let_pass(60)
        self._leave_namespace()
        self.let_pass(10)

    def let_pass(self, seconds: int = A_WHILE) -> None:
        """Make the created and changed objects older by this time, and has led by then to what it leads to in that
        time. The clock stands where it stood: to whoever looks, it has been so for a while. What was there before has
        the age that it had."""
        clock, before = self.world.clock, self._before

        def rest() -> None:
            with self.world.lock:
                self.world.grow_older(seconds, before)
                self.iam.grow_older(self.world.account, seconds, before)
                clock.turn_back(seconds)

        self.world.notify()
        self.kube.live_through(seconds, before, clock.advance, rest)

    def _now(self) -> Before:
        with self.world.lock:
            there = self.world.ids() | self.iam.ids(self.world.account)
        return Before(self.world.clock.now(), there | self.kube.uids())

    def aws(self, service: str) -> Any:
        """boto3's client of the account's administrator."""
        import boto3

        key = self._reach.admin_key
        return boto3.session.Session().client(
            service,
            endpoint_url=self._reach.endpoint_url,
            region_name=self.world.region,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )

    # the cluster

    def create(self, collection: str, body: Json) -> Json:
        made = self.cluster.post(collection, body)
        self.later(lambda: self.cluster.delete(f"{collection}/{made['metadata']['name']}"))
        return made

    def merge(self, path: str, patch: Json) -> None:
        before = _given(self.cluster.get(path))
        self.cluster.merge(path, patch)
        self.later(lambda: self.cluster.put(path, before))

    def delete(self, path: str) -> None:
        before = _given(self.cluster.get(path))
        self.cluster.delete(path)
        self.later(lambda: self.cluster.post(path.rpartition("/")[0], before))

    def add_node(self, address: str, **settings: Any) -> str:
        """The name of a node that is there for this failure mode."""
        made = str(self.kube.add_node(address, f"i-{address.replace('.', '-')}", **settings)["metadata"]["name"])
        self.later(lambda: self.cluster.delete(f"/api/v1/nodes/{made}"))
        self.later(self.let_pass)  # without its kubelet nobody ends the pods that are there
        return made

    def instance(self, node: str) -> str:
        return str(self.cluster.get(f"/api/v1/nodes/{node}")["spec"]["providerID"]).rpartition("/")[2]

    def metadata(self, node: str, **options: str | int) -> None:
        """Options of the metadata service of a node's instance, until they are as they were."""
        instance, ec2 = self.instance(node), self.aws("ec2")
        (found,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        # moto forgets those that a call leaves out
        before = {name: value for name, value in found["MetadataOptions"].items() if name.startswith("Http")}
        ec2.modify_instance_metadata_options(InstanceId=instance, **{**before, **options})
        self.later(lambda: ec2.modify_instance_metadata_options(InstanceId=instance, **before))

    # the account

    def role(self, name: str, trust: Json | None = None, *, allows: Json | None = _TABLE) -> str:
        """A role and its ARN; `allows` is the one statement of its policy, None for no policy."""
        from podid.sandbox import baseline

        inline = None if allows is None else {"access": {"Version": "2012-10-17", "Statement": [allows]}}
        trust = trust or baseline.pods_trust(self.record)
        arn = baseline.add_role(self.world, self.iam, name, trust, inline=inline)
        made = self.iam.role_named(self.world.account, name)
        made.create_date = self.world.clock.datetime().replace(tzinfo=None, microsecond=0) - _ROLES_AGE
        self.later(lambda: self.drop_role(name))
        return arn

    def drop_role(self, name: str) -> None:
        """With all that is attached to it."""
        iam = self.aws("iam")
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
            for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            iam.delete_role(RoleName=name)

    def trust(self, role: str, document: Json) -> None:
        self.aws("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))

    def associate(self, account: str, role: str, *, age: float = _DAY, **more: Any) -> AssociationRecord:
        """An association of `NAMESPACE/account`, or of `namespace/account`, `age` seconds old; EKS does not ask whether
        that service account exists."""
        from podid.sandbox.aws.eks_associations import new_association

        namespace, _, name = account.rpartition("/")
        arn = f"arn:{self.world.partition}:iam::{self.world.account}:role/{role}"
        subject, born = (namespace or NAMESPACE, name), self.world.clock.now() - age
        with self.world.lock:
            made = new_association(self.world, self.record, subject, arn, created_at=born, **more)
            self.world.put_association(self.record, made)
        self.later(lambda: self.drop_association(made.id))
        self._changed("associations")
        return made

    def change_association(self, made: AssociationRecord, **more: Any) -> None:
        with self.world.lock:
            self.world.put_association(self.record, replace(self.record.associations[made.id], **more))
        self._changed("associations")

    def drop_association(self, association_id: str) -> None:
        with self.world.lock:
            self.world.remove_association(self.record, association_id)
        self._changed("associations")

    def _changed(self, what: str) -> None:
        self.world.changed(what)
        self.world.notify()

    # what is needed

    def agent(self) -> None:
        """The agent on every node. It stays when the failure mode goes: others may stand on it by then."""
        if AGENT_ADDON not in self.record.addons:
            self.aws("eks").create_addon(clusterName=self.world.cluster_name, addonName=AGENT_ADDON)
        self.let_pass(A_WHILE)

    def identity(
        self, *, associated: bool = True, trust: Json | None = None, allows: Json | None = _TABLE
    ) -> BrokenIdentity:
        """A service account with its role, and its association where it is to have one; `workload` makes its pods."""
        name = self.mode
        self.home()
        self.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": name}})
        found = BrokenIdentity(name, name, self.role(name, trust, allows=allows))
        if associated:
            self.associate(name, name)
        return found

    def home(self) -> None:
        """The namespace, which goes with the last of what is in it."""
        if not self._has_home():
            self.cluster.make_namespace(NAMESPACE)

    def workload(
        self,
        name: str = "",
        account: str | None = None,
        *,
        pod: Json | None = None,
        container: Json | None = None,
        annotations: Mapping[str, str] | None = None,
        replicas: int = 2,
    ) -> None:
        """A Deployment in NAMESPACE that has run for a while; `pod` and `container` add to the pods' spec and to their
        one container."""
        from podid.sandbox.kube.client import pod_spec

        name = name or self.mode
        spec = pod_spec(name if account is None else account, **(pod or {}))
        spec["containers"][0].update(container or {})
        labels = {"app": name}
        template = {"metadata": {"labels": labels, "annotations": dict(annotations or {})}, "spec": spec}
        body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        made = {"metadata": {"name": name, "labels": labels}, "spec": body}
        self.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", made)
        self.let_pass()

    def working(self, **workload: Any) -> BrokenIdentity:
        """An identity whose pods get their credentials, but for what `workload` says."""
        self.agent()
        found = self.identity()
        self.workload(**workload)
        return found

    def replace_pods(self, app: str = "", namespace: str = NAMESPACE) -> None:
        for name in self.cluster.pod_names(namespace, app or self.mode):
            self.cluster.delete(f"/api/v1/namespaces/{namespace}/pods/{name}")
        self.let_pass()

    def _leave_namespace(self) -> None:
        if not self._has_home():
            return
        found = [*self.cluster.items(f"{_HOME}/serviceaccounts"), *self.cluster.items(f"{_HOME}/pods")]
        if all(item["metadata"]["name"] == "default" for item in found):
            self.cluster.delete(_HOME)

    def _has_home(self) -> bool:
        return any(item["metadata"]["name"] == NAMESPACE for item in self.cluster.items("/api/v1/namespaces"))


def _given(obj: Json) -> Json:
    """The object as a client would send it."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SET_BY_SERVER}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
