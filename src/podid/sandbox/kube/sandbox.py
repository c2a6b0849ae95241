"""The Kubernetes half as the rest of the sandbox uses it."""

import base64
import secrets
import time
from collections.abc import Callable, Iterable, Sequence

from podid.sandbox.contract import Before, ControlPlane, TokenClaims
from podid.sandbox.http import HttpAnswer, HttpRequest, LoopbackServer, make_certificates
from podid.sandbox.kube import baseline, kinds
from podid.sandbox.kube.access import MASTERS, Authenticator, Authorizer, User
from podid.sandbox.kube.agent import agent_log, may_leave
from podid.sandbox.kube.api import ApiServer, broken
from podid.sandbox.kube.baseline import Baseline
from podid.sandbox.kube.bodies import KubeAnswer
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.kubelet import Runner, is_agent
from podid.sandbox.kube.objects import Obj, get, namespace, uid
from podid.sandbox.kube.objects import name as name_of
from podid.sandbox.kube.resources import ResourceApi
from podid.sandbox.kube.simulation import Simulation
from podid.sandbox.kube.store import Now, Timing
from podid.sandbox.kube.subresources import Subresources
from podid.sandbox.kube.webhook import ROLE_ARN

AGE_SECONDS = 3600.0
"""How long the baseline's workloads have run when somebody comes to look."""


class KubeSandbox:
    """A Kubernetes cluster on loopback. Every method is thread-safe."""

    def __init__(
        self,
        world: ControlPlane,
        *,
        clock: Now = time.time,
        timing: Timing | None = None,
        identify: Callable[[str], tuple[str, str] | None] = lambda _: None,
        groups_of: Callable[[str], tuple[str, ...] | None] = lambda _: (MASTERS,),
        issuer: str = "",
        kubernetes_version: str = "1.35",
        seed: int = 0,
        encrypted: bool = True,
    ) -> None:
        """Create a cluster. `identify` and `groups_of` are those of Authenticator; `issuer` is the cluster's OIDC
        issuer URL. Without `encrypted`, the API server uses HTTP."""
        self.world = world
        self.faults = ClusterFaults()
        self._certificates = make_certificates()
        self._encrypted = encrypted
        self._version = kubernetes_version
        self._simulation = Simulation(
            world,
            clock=clock,
            timing=timing or Timing(),
            faults=self.faults,
            issuer=issuer or f"https://oidc.eks.{world.region}.amazonaws.com/id/{'0' * 32}",
            root_ca=self.ca_pem.decode(),
            seed=seed,
        )
        store = self._simulation.store
        self.authenticator = Authenticator(world.cluster_name, self._simulation.issuer, store.now, identify, groups_of)
        self.authorizer = Authorizer(store)
        self.admin_token = secrets.token_urlsafe(24)
        self.add_user(self.admin_token, "kubernetes-admin", groups=(MASTERS,))
        resources = ResourceApi(self._simulation.registry, self.faults)
        subresources = Subresources(
            self._simulation.registry, resources, self._simulation.issuer, self.faults, self._log
        )
        self._api = ApiServer(
            self._simulation, self.authenticator, self.authorizer, resources, subresources, kubernetes_version
        )
        self._server: LoopbackServer | None = None
        self._agent_lines: dict[str, list[str]] = {}
        self._port = 0

    def handle(self, request: HttpRequest) -> KubeAnswer:
        """Answer a request without a socket."""
        return self._api.handle(request)

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        fault = self.faults.meet("kubernetes", f"{request.method} {request.target}")
        fault.before()
        answer = broken(fault.breaks) if fault.breaks is not None else self._api.handle(request)
        fault.after()
        return answer.encode()

    def install(self, group: str) -> bool:
        """Install the custom resources of a product's API group. Return False if they exist."""
        installed = group in self._api.custom
        self._api.custom.add(group)
        return not installed

    def uninstall(self, group: str) -> None:
        self._api.custom.discard(group)

    @property
    def ca_pem(self) -> bytes:
        """Return the PEM certificate authority of the API server."""
        return self._certificates.ca_pem

    @property
    def endpoint(self) -> str:
        """Return https://127.0.0.1:PORT. Only after `start`."""
        return f"{'https' if self._encrypted else 'http'}://127.0.0.1:{self._port}"

    def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1 at `port`, or at a free port for 0."""
        context = self._certificates.server_context() if self._encrypted else None
        self._server = LoopbackServer(self._answer, port, context)
        self._port = self._server.server_port
        self._api.endpoint = self.endpoint
        self._server.start()
        return self._port

    def stop(self) -> None:
        """Close the port and all connections. The cluster stays and can be started again."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> "KubeSandbox":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kubeconfig(self, token: str) -> Obj:
        """Return a kubeconfig as a mapping. The user sends `token`; the context has the name that `aws eks` uses."""
        arn = self.world.cluster_arn
        authority = base64.b64encode(self.ca_pem).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": arn, "cluster": {"server": self.endpoint, "certificate-authority-data": authority}}],
            "users": [{"name": arn, "user": {"token": token}}],
            "contexts": [{"name": arn, "context": {"cluster": arn, "user": arn}}],
            "current-context": arn,
            "preferences": {},
        }

    def load_baseline(self, names: Baseline | None = None) -> None:
        """Create nodes, namespaces and workloads. The fields of Baseline are their names in AWS."""
        partition = self.world.cluster_arn.split(":")[1]
        with self._simulation.store.lock:
            # the cluster has been running for some time, so that its pods exist
            self._simulation.store.timeline.rewind(AGE_SECONDS)
            baseline.load(
                self._simulation.registry,
                names or Baseline(kubernetes_version=self._version),
                self.world.region,
                self.world.account,
                partition,
                base64.b64encode(self.ca_pem).decode(),
            )
            self._simulation.catch_up()

    def load_empty(self) -> None:
        """Create only the objects of every cluster: the system namespaces and the webhook's configuration."""
        with self._simulation.settled() as registry:
            baseline.furnish(registry, base64.b64encode(self.ca_pem).decode())

    def poke(self) -> None:
        """Advance the cluster to the clock's time, and apply changes from outside (the add-on, faults).

        Every request does the same. Call this after a change, so that later events have the right time.
        """
        with self._simulation.settled() as registry:
            registry.store.lock.notify_all()

    def uids(self) -> frozenset[str]:
        """Return the uids of all objects."""
        with self._simulation.settled() as registry:
            return frozenset(registry.store.uids)

    def live_through(
        self, seconds: int, before: Before, clock: Callable[[float], None], settled: Callable[[], None]
    ) -> None:
        """Simulate `seconds` for the cluster only: `clock` moves the clock, and `settled` makes the other objects older
        before a client can read them. The objects in `before` keep their age."""
        store = self._simulation.store
        with store.lock:
            for _ in range(seconds):  # controllers act on the results of the previous second
                clock(1.0)
                self._simulation.catch_up()
            self._simulation.grow_older(seconds, before)
            settled()
            store.lock.notify_all()

    def review_token(self, token: str, audience: str) -> TokenClaims:
        """Return the claims of a service account token that is valid now, pod included. Raise TokenRefused."""
        with self._simulation.settled():
            return self._simulation.issuer.review(token, audience)

    # users and permissions

    def add_user(
        self, token: str, name: str, *, groups: Sequence[str] = (), rules: Iterable[Obj] | None = None
    ) -> None:
        """Add a user with `token`. `rules` are RBAC PolicyRules; `namespace` binds them to one namespace."""
        self.authenticator.tokens[token] = User(name, name, tuple(groups))
        if rules is not None:
            self.authorizer.rules[name] = list(rules)

    def set_principal(self, arn: str, groups: Sequence[str] | None, rules: Iterable[Obj] = ()) -> None:
        """Set the groups of an IAM principal's access entry. None: requests of the principal get 401."""
        self.authenticator.principals[arn] = None if groups is None else tuple(groups)
        self.authorizer.rules[arn] = list(rules)

    def deny(self, user: str, verb: str, resource: str) -> None:
        """Deny one permission: ("list", "nodes"), ("get", "pods/log"), ("patch", "deployments.apps"); `*` for any."""
        self.authorizer.denied.setdefault(user, set()).add((verb, resource))

    def allow_again(self, user: str) -> None:
        """Revoke all denials of `deny`."""
        self.authorizer.denied.pop(user, None)

    # direct access to the cluster

    def create(self, kind: KubeKind, obj: Obj) -> Obj:
        """Create an object as an administrator, admission included. Raise StatusError."""
        with self._simulation.settled() as registry:
            return registry.create(kind, obj["metadata"].get("namespace", ""), obj)

    def find(self, kind: KubeKind, ns: str, name: str) -> Obj | None:
        """Return the object, or None. The caller must not change it."""
        with self._simulation.settled() as registry:
            return registry.store.find(kind, ns, name)

    def all(self, kind: KubeKind, ns: str = "") -> list[Obj]:
        """Return every object of the kind. The caller must not change them."""
        with self._simulation.settled() as registry:
            return registry.store.all(kind, ns)

    def delete(self, kind: KubeKind, ns: str, name: str) -> None:
        """Delete an object as an administrator. Raise StatusError if it does not exist."""
        with self._simulation.settled() as registry:
            registry.delete(kind, registry.get(kind, ns, name), {})

    def patch(self, kind: KubeKind, ns: str, name: str, change: Callable[[Obj], Obj]) -> Obj:
        """Replace an object with the result of `change`. Raise StatusError."""
        with self._simulation.settled() as registry:
            current = registry.get(kind, ns, name)
            return registry.update(kind, current, change(current))

    def annotate_for_addon(self, ns: str, name: str, role_arn: str | None) -> None:
        """Set IRSA's annotation on a service account as EKS does for an add-on, or remove it if EKS has set it."""
        with self._simulation.settled() as registry:
            account = registry.store.find(kinds.SERVICE_ACCOUNTS, ns, name)
            if account is None or (role_arn is None and not _applied_by_eks(account)):
                return
            annotations = {**account["metadata"].get("annotations", {}), ROLE_ARN: role_arn}
            others = [entry for entry in account["metadata"].get("managedFields", ()) if entry["manager"] != "eks"]
            own: Obj = {"f:metadata": {"f:annotations": {f"f:{ROLE_ARN}": {}}}}
            entry = {"manager": "eks", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1"}
            metadata = {
                **account["metadata"],
                "annotations": {key: value for key, value in annotations.items() if value is not None},
                "managedFields": [*others, *([{**entry, "fieldsV1": own}] if role_arn else [])],
            }
            registry.store.replace(kinds.SERVICE_ACCOUNTS, {**account, "metadata": metadata})

    def add_node(
        self,
        address: str,
        instance: str,
        *,
        zone: str = "",
        labels: dict[str, str] | None = None,
        taints: Sequence[Obj] = (),
    ) -> Obj:
        """Add a node. `labels` override those of a Linux EC2 node of the node group (for Fargate, Windows, arm64 …)."""
        region = self.world.region
        body = baseline.node(
            address, instance, zone or f"{region}a", region, Baseline(kubernetes_version=self._version)
        )
        body["metadata"]["labels"] |= labels or {}
        body["metadata"]["labels"] = {key: value for key, value in body["metadata"]["labels"].items() if value}
        info = {"operatingSystem": "kubernetes.io/os", "architecture": "kubernetes.io/arch"}
        body["status"]["nodeInfo"] |= {member: body["metadata"]["labels"][label] for member, label in info.items()}
        if taints:
            body["spec"]["taints"] = list(taints)
        with self._simulation.settled() as registry:
            return baseline.add_node(registry, body)

    def run_jobs_with(self, run: Runner) -> None:
        """Set the function that returns exit code and log of the pods of Jobs, from now on."""
        with self._simulation.store.lock:
            self._simulation.kubelet.run = run

    def token_in(self, pod: Obj, audience: str) -> str:
        """Return the token for `audience` in a projected volume of the pod."""
        with self._simulation.settled() as registry:
            account = registry.get(kinds.SERVICE_ACCOUNTS, namespace(pod), pod["spec"]["serviceAccountName"])
            bound = {"kind": "Pod", "apiVersion": "v1", "name": name_of(pod), "uid": uid(pod)}
            answer = self._simulation.issuer.request(
                account, {"spec": {"audiences": [audience], "boundObjectRef": bound}}
            )
            return str(answer["status"]["token"])

    def reaches(self, pod: Obj, address: str, port: int) -> bool:
        """Return whether network policies allow the pod's packets to an address of its own node."""
        return may_leave(pod, address, port, self.all(kinds.NETWORK_POLICIES, namespace(pod)))

    def add_agent_line(self, node: str, line: str) -> None:
        """Add a line to the log of the agent's pod on the node."""
        with self._simulation.store.lock:
            self._agent_lines.setdefault(node, []).append(line)

    def forget_agent_lines(self, node: str, part: str) -> None:
        """Remove the lines of the node's agent that contain `part`."""
        with self._simulation.store.lock:
            self._agent_lines[node] = [line for line in self._agent_lines.get(node, ()) if part not in line]

    def _log(self, pod: Obj, container: str) -> str:
        if uid(pod) in self._simulation.kubelet.output:
            return self._simulation.kubelet.output[uid(pod)]
        node = get(pod, "spec", "nodeName", default="")
        if is_agent(pod) and container == "eks-pod-identity-agent-init":
            return "".join(f"{line}\n" for line in [self.faults.init_line(pod)] if line)
        if is_agent(pod) and namespace(pod) == "kube-system" and container == "eks-pod-identity-agent":
            crash = self.faults.crash_line(pod)
            return agent_log(pod, crash, self._agent_lines.get(node, []))
        return ""


def _applied_by_eks(account: Obj) -> bool:
    return any(entry["manager"] == "eks" for entry in account["metadata"].get("managedFields", ()))
