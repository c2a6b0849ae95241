"""The worlds of the tests, built in layers on one sandbox for each process.

`started()` returns the account in its initial state, with its cluster if required. `Site` runs podid on it and adds
what a test needs: the samples, the agent, an identity. `KubeWorld` is a cluster without an account. Only podid's sleeps
and a test's own waits advance the clock, so that no test depends on the load of the machine.
"""

import base64
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_api._internal import mock_random

from cluster_api import ClusterApi, Json
from harness import Outcome, Podid
from podid.calls.patience import Clock, Patience
from podid.domain.aws import Cluster
from podid.domain.names import ServiceAccountRef
from podid.kube.connect import connect
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from podid.ops.clients import KubeAccess
from podid.sandbox import baseline, process
from podid.sandbox.box import Sandbox
from podid.sandbox.cluster import SandboxCluster
from podid.sandbox.credentials import Credential
from podid.sandbox.faults import TrailRate
from podid.sandbox.kube import KubeSandbox, ManualClock, Timing
from podid.sandbox.world import Delays, Limits, World
from sandbox.memory_world import MemoryAddon, MemoryWorld

ACCOUNT = "111122223333"
CLUSTER_ARN = f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
TARGET = "reports-reader"
ACTIONS = ["sts:AssumeRole", "sts:TagSession"]
AGENT = "eks-pod-identity-agent"
ORDERS = ServiceAccountRef("shop", "orders")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders",
        }
    ],
}
_boto = cache(boto3.session.Session)  # after shared_caches.py, which changes what a session keeps


# --- the sandbox of this process --------------------------------------------------------------------------------------


class _KeptSandbox:
    """Keeps the last sandbox: starting one takes ten times as long as resetting it."""

    box: Sandbox | None = None
    whole = False
    taken = False
    directory = Path()
    encrypted = False


def clear() -> None:
    """Stop the kept sandbox: only one runs in a process, and some tests start their own."""
    assert not _KeptSandbox.taken, "a test holds the sandbox"
    if _KeptSandbox.box is not None:
        _KeptSandbox.box.stop()
        _KeptSandbox.box = None


@contextmanager
def started(
    directory: Path | None = None, moment: float | None = None, *, encrypted: bool = False
) -> Iterator[Sandbox]:
    """Yield the account without delays or faults, its clock at `moment` (by default about now, because boto3 signs with
    the current time). With a `directory` for the kubeconfig there is a cluster too. No other test can use the sandbox
    meanwhile.

    The cluster uses HTTP: with TLS, `doctor` takes a third longer, because each command connects a dozen times. Only
    tests that find the cluster by DescribeCluster need it `encrypted`, as on AWS.
    """
    whole = directory is not None
    if _KeptSandbox.box is None or _KeptSandbox.whole != whole:
        clear()
    assert not _KeptSandbox.taken, "a test holds the sandbox"
    _KeptSandbox.taken, _KeptSandbox.whole, _KeptSandbox.encrypted = True, whole, encrypted
    _KeptSandbox.directory = directory or _KeptSandbox.directory
    try:
        if _KeptSandbox.box is None:
            box = Sandbox(kubernetes=_cluster if whole else None)
            _reset_settings(box, moment)
            _KeptSandbox.box = box.start()
        else:
            _reset_settings(_KeptSandbox.box, moment)
            _KeptSandbox.box.reset()
        yield _KeptSandbox.box
    finally:
        _KeptSandbox.taken = False


def _cluster(world: World) -> SandboxCluster:
    return SandboxCluster(world, _KeptSandbox.directory, encrypted=_KeptSandbox.encrypted)


def _reset_settings(box: Sandbox, moment: float | None) -> None:
    """Reset the settings that a reset of the sandbox keeps. Ids and times of roles are often those of the previous
    world, so that shared_caches.py has the answers about them."""
    vars(box.gateway).pop("answer", None)  # a front of a test
    mock_random.seed(0)
    box.admin_key = box.world.credentials.add_user("podid-admin", account=box.world.account)
    box.world.delays, box.world.limits = Delays(association=0.0, addon=0.0), Limits()
    box.world.clock.stand_still(time.time() // 10 * 10 if moment is None else moment)
    box.faults.calls.clear()


# --- podid in front of it ---------------------------------------------------------------------------------------------


class Site:
    """An account with podid: `site("doctor")` runs podid in process as the account's administrator, on the sandbox's
    clock. `slept` are the seconds that podid has slept; the clock of account and cluster advances with them only."""

    def __init__(self, box: Sandbox, directory: Path) -> None:
        self.box = box
        self.clock = box.world.clock
        self.directory = directory
        self.env = {
            **box.env(),
            "PODID_CLUSTER": box.world.cluster_name,
            "XDG_STATE_HOME": str(directory / "state"),
            "HOME": str(directory / "home"),
        }
        (directory / "home").mkdir(exist_ok=True)
        self.podid = Podid(env=os.environ, clock=self.clock, sleep=self._sleep)
        self.slept = 0.0
        self.on_sleep: Callable[[float], None] = lambda seconds: None

    @cached_property
    def half(self) -> SandboxCluster:
        half = self.box.kubernetes
        assert isinstance(half, SandboxCluster), "this site has no cluster"
        return half

    @cached_property
    def kube(self) -> KubeSandbox:
        return self.half.kube

    @cached_property
    def cluster(self) -> ClusterApi:
        return ClusterApi(self.kube)

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        assert self.slept < 36000, "podid waits for hours"
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Advance the clock second by second: controllers react to the previous second."""
        remaining = seconds
        while remaining > 0:
            step = min(remaining, 1.0)
            self.clock.advance(step)
            if self.box.kubernetes is not None:
                self.kube.poke()
            self.on_sleep(step)
            remaining -= step

    def enter(self, patch: pytest.MonkeyPatch, without: Iterable[str] = (), **env: str) -> None:
        """Point the process at the site, because boto3 reads the process's environment."""
        for name, value in {**self.env, **env}.items():
            patch.setenv(name, value)
        for name in without:
            patch.delenv(name)

    def __call__(self, *argv: str, env: dict[str, str] | None = None, without: Iterable[str] = ()) -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            self.enter(patch, without, **(env or {}))
            # `podid sandbox break` and `heal` apply to the sandbox of this process
            patch.setattr(process, "command", lambda arguments, *, directory: self.box.admin.carry_out(dict(arguments)))
            return self.podid(*argv)

    def must(self, *argv: str) -> Outcome:
        outcome = self(*argv)
        assert outcome.code == 0, (argv, outcome)
        return outcome

    def reading(self, *argv: str) -> Outcome:
        """Run a command that reads, with -o json. It ends with 9 if, and only if, its document names unread parts."""
        outcome = self(*argv)
        document = outcome.json
        parts = (document, document.get("secondHop") or {}, *document.get("items", ()))
        unread = any(part.get(name) for part in parts for name in ("unread", "unknowns", "unknown"))
        assert outcome.code == (9 if unread else 0), (argv, outcome)
        return outcome

    # layers

    def with_samples(self) -> "Site":
        """Add the demo's mistyped association, in effect."""
        baseline.add_association(self.box.world, "payments", "bilingworker", "apps/billing-worker")
        return self._heard("associations")

    def with_agent(self) -> "Site":
        """Install the agent add-on, Ready on every node."""
        self.aws("eks").create_addon(clusterName="demo", addonName=AGENT)
        self.wait(30)
        return self

    def with_identity(self) -> "Site":
        """Add role shop-orders, as podid would create it for shop/orders, and its association. The pods are newer than
        the association."""
        iam, name = self.box.iam, "shop-orders"  # without calls of IAM, which took as long as a command
        iam.attach(iam.make_role(ACCOUNT, name, json.dumps(trust_for(ORDERS))), ACCOUNT, (), {"dynamodb-read": POLICY})
        iam.role_made(ACCOUNT, name)
        iam.trust_written(ACCOUNT, name)
        self.associate(str(ORDERS.namespace), str(ORDERS.name), name)
        return self.with_new_pods()

    def with_target(self, account: str = ACCOUNT) -> "Site":
        """Let the role assume role reports-reader, of this account or another, as in AWS's guide. The pods are newer
        than that."""
        arn, iam = target_arn(account), self.aws("iam")
        if account == ACCOUNT:
            iam.create_role(RoleName=TARGET, AssumeRolePolicyDocument=json.dumps(target_trust()))
        else:
            self.box.iam.make_role(account, TARGET, json.dumps(target_trust()))
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": arn}]}
        iam.put_role_policy(RoleName="shop-orders", PolicyName=TARGET, PolicyDocument=json.dumps(document))
        eks = self.aws("eks")
        (association,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
        eks.update_pod_identity_association(
            clusterName="demo", associationId=association["associationId"], targetRoleArn=arn
        )
        self.wait(30)
        return self.with_new_pods()

    def without_session_tags(self) -> "Site":
        eks = self.aws("eks")
        for item in eks.list_pod_identity_associations(clusterName="demo")["associations"]:
            eks.update_pod_identity_association(
                clusterName="demo", associationId=item["associationId"], disableSessionTags=True
            )
        return self

    def with_new_pods(self) -> "Site":
        for name in self.cluster.pod_names(ORDERS.namespace, ORDERS.name):
            self.cluster.delete(f"/api/v1/namespaces/{ORDERS.namespace}/pods/{name}")
        self.wait(60)
        return self

    def _heard(self, resource: str) -> "Site":
        self.box.world.changed(resource)
        self.box.world.notify()
        return self

    # changes of a test

    def policy_file(self) -> str:
        path = self.directory / "dynamodb-read.json"
        path.write_text(json.dumps(POLICY))
        return str(path)

    def aws(self, service: str, *, key: Credential | None = None, region: str = "", attempts: int = 1) -> Any:
        """Return a boto3 client of the administrator, or with another `key`."""
        credential = key or self.box.admin_key
        return _boto().client(
            service,
            endpoint_url=self.box.endpoint_url,
            region_name=region or self.box.world.region,
            aws_access_key_id=credential.access_key_id,
            aws_secret_access_key=credential.secret_access_key,
            aws_session_token=credential.session_token or None,
            config=Config(retries={"total_max_attempts": attempts}, connect_timeout=2, read_timeout=5),
        )

    def trust(self, role: str, document: Json) -> None:
        self.aws("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))

    def associate(self, namespace: str, account: str, role: str = "storefront") -> str:
        """Create an association that is in effect, and return its id. The role's trust policy allows every pod of the
        cluster."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        created = self.aws("eks").create_pod_identity_association(
            clusterName="demo", namespace=namespace, serviceAccount=account, roleArn=arn
        )
        self.wait(10)
        return str(created["association"]["associationId"])

    def user(self, name: str, rules: list[Json]) -> dict[str, str]:
        """Return the environment of a caller with the administrator's permissions in AWS and only `rules` in
        Kubernetes."""
        token = f"token-of-{name}"
        self.kube.add_user(token, name, rules=rules)
        path = self.directory / f"kubeconfig-{name}"
        path.write_text(json.dumps(self.kube.kubeconfig(token)))
        return {"KUBECONFIG": str(path)}


def target_arn(account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{TARGET}"


def target_trust(principal: str = ROLE_ARN, actions: object = None, **condition: object) -> Json:
    """Return the trust policy of role reports-reader: by default it allows role shop-orders both actions."""
    statement: Json = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions or ACTIONS}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


def trust_for(account: ServiceAccountRef, cluster_arn: str = CLUSTER_ARN) -> Json:
    """Return a trust policy that allows one service account, as podid writes it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": ACCOUNT,
                "aws:RequestTag/kubernetes-namespace": account.namespace,
                "aws:RequestTag/kubernetes-service-account": account.name,
            },
            "ArnEquals": {"aws:SourceArn": cluster_arn},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


@contextmanager
def account_site(directory: Path) -> Iterator[Site]:
    """Yield the AWS half only. Its changes take effect at once."""
    with started() as box:
        yield Site(box, directory)


class _NoRate(TrailRate):
    """Replaces CloudTrail's limit, which is in real time; tests/aws/test_cloudtrail.py tests the limit itself."""

    def take(self) -> bool:
        return True


@contextmanager
def whole_site(directory: Path, moment: float | None = None, *, encrypted: bool = False) -> Iterator[Site]:
    """Yield cluster demo with three nodes and three workloads, without agent and association, and with AWS's own
    delays."""
    with started(directory, moment, encrypted=encrypted) as box:
        box.world.delays, box.world.trail_rate = Delays(), _NoRate()
        site = Site(box, directory)
        site.wait(60)
        yield site


# --- a cluster without an account -------------------------------------------------------------------------------------


@dataclass(slots=True)
class KubeWorld:
    """The Kubernetes half with a reader and a writer for it. `aws` is its data of the account."""

    sandbox: KubeSandbox
    aws: MemoryWorld
    clock: ManualClock
    reader: KubeReader = field(init=False)
    writer: KubeWriter = field(init=False)
    messages: list[str] = field(default_factory=list)
    plans: list[tuple[float, ServiceAccountRef, bool]] = field(default_factory=list)
    transports: list[Transport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader, self.writer = self.login(self.sandbox.admin_token)

    def at(self, seconds: float, ref: ServiceAccountRef, *, associated: bool = True) -> None:
        """Make the control plane include the association (or no longer) from `seconds` after now on."""
        self.plans.append((self.clock.seconds + seconds, ref, associated))

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for due, ref, associated in list(self.plans):
            if due <= self.clock.seconds:
                self.plans.remove((due, ref, associated))
                (self.aws.associations.add if associated else self.aws.associations.discard)((ref.namespace, ref.name))
        self.sandbox.poke()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.seconds, UTC)

    def progress(self, text: str) -> None:
        if not self.messages or self.messages[-1] != text:
            self.messages.append(text)

    def patience(self, seconds: float = 300) -> Patience:
        return Patience(seconds, Clock(self.now, self.clock, self.sleep), self.progress)

    def access(self, token: str = "") -> KubeAccess:
        """Return access as the user who sends `token`, by default the world's own."""
        return KubeAccess(self.login(token) if token else (self.reader, self.writer))

    def login(self, token: str) -> tuple[KubeReader, KubeWriter]:
        """Return a reader and a writer as the user who sends `token`."""
        transport = self.transport(token)
        return KubeReader(transport), KubeWriter(transport)

    def transport(self, token: str) -> Transport:
        def login() -> tuple[str, datetime]:
            return token, datetime.now(UTC) + timedelta(hours=1)

        connection = connect(cluster_of(self.sandbox, self.aws), token=login, env={"HOME": "/nonexistent"})
        self.transports.append(Transport(connection))
        return self.transports[-1]


def cluster_of(sandbox: KubeSandbox, aws: MemoryWorld) -> Cluster:
    """Return the cluster as DescribeCluster would."""
    return Cluster(
        name=aws.cluster_name,
        arn=aws.cluster_arn,
        version="1.35",
        status="ACTIVE",
        endpoint=sandbox.endpoint,
        certificate_authority=base64.b64encode(sandbox.ca_pem).decode(),
    )


@contextmanager
def kube_world(*, timing: Timing | None = None, agent: bool = False) -> Iterator[KubeWorld]:
    """Yield the samples' nodes, accounts and workloads; with `agent` also its DaemonSet."""
    aws, clock = MemoryWorld(addon=MemoryAddon() if agent else None), ManualClock()
    with KubeSandbox(aws, clock=clock, timing=timing) as sandbox:
        sandbox.load_baseline()
        clock.advance(60)
        sandbox.poke()
        new = KubeWorld(sandbox, aws, clock)
        yield new
        for transport in new.transports:
            transport.close()
