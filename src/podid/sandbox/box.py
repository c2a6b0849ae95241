"""The sandbox in this process: `with Sandbox() as box:` starts it on a free port, in threads.

moto keeps IAM and EC2 in module globals. Therefore only one sandbox can run in a process; a second start raises
Conflict.

The admin channel takes JSON commands on a loopback path. `GET /_podid/hello?CHALLENGE` answers with an HMAC of the
challenge. The HMAC proves that this sandbox holds the nonce, without sending it. `POST /_podid/command` with the nonce
in `X-Podid-Nonce` runs `{"command": …}`.
"""

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

from podid.domain.errors import Conflict
from podid.sandbox import baseline, irsa_samples, proxy_samples
from podid.sandbox.aws.gateway import Gateway
from podid.sandbox.breaks.scenario import Reach
from podid.sandbox.breaks.table import ActiveFailures
from podid.sandbox.credentials import Credential
from podid.sandbox.faults import Fault, Faults
from podid.sandbox.http import HttpAnswer, HttpRequest, LoopbackServer
from podid.sandbox.state import COMMAND, HELLO, NONCE_HEADER, PREFIX, proof
from podid.sandbox.world import AddonFault, World

_JSON = {"Content-Type": "application/json"}

Arguments = dict[str, Any]

_running = threading.Lock()
KubernetesFactory = Callable[[World], "SandboxCluster"]


class Admin:
    """Answers requests whose path starts with `Admin.PREFIX`. `stop` ends the server's process."""

    PREFIX = PREFIX

    def __init__(
        self,
        world: World,
        faults: Faults,
        failures: ActiveFailures,
        nonce: str,
        *,
        reset: Callable[[], None],
        stop: Callable[[], None],
    ) -> None:
        self._world = world
        self._faults = faults
        self._nonce = nonce
        self._commands: dict[str, Callable[[Arguments], object]] = {
            "status": lambda _: self._status(),
            "reset": lambda _: reset(),
            "stop": lambda _: stop(),
            "fault": lambda arguments: _shown(faults.add(Fault(**arguments))),
            "clear-faults": lambda _: faults.clear(),
            "broken": lambda _: failures.listed(),
            "break": lambda arguments: failures.put(str(arguments["id"])),
            "heal": lambda arguments: failures.heal(str(arguments.get("id", ""))),
            "delays": self._delays,
            "advance": lambda arguments: world.clock.advance(float(arguments["seconds"])),
            "addon-fault": self._addon_fault,
            "deny": lambda arguments: bool(world.credentials.deny(**arguments)),
            "allow": lambda arguments: world.credentials.allow_again(**arguments),
        }

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request. Without the nonce the status is 404, as for any unknown path; 400 if a command fails."""
        if request.method == "GET" and request.path == HELLO and request.query:
            return _answer(200, {"proof": proof(self._nonce, request.query)})
        known = hmac.compare_digest(request.header(NONCE_HEADER).encode(), self._nonce.encode())
        if not known or request.method != "POST" or request.path != COMMAND:
            return _answer(404, {"message": "Not Found"})
        try:
            return _answer(200, {"result": self.carry_out(json.loads(request.body))})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _answer(400, {"message": f"{type(error).__name__}: {error}"})

    def carry_out(self, arguments: Arguments) -> object:
        """Run the command and return its answer. Raise ValueError, KeyError, TypeError or AttributeError if it
        fails."""
        return self._commands[arguments.pop("command")](arguments)

    def _status(self) -> object:
        world = self._world
        with world.lock:
            return {
                "cluster": world.cluster_name,
                "account": world.account,
                "region": world.region,
                "associations": sum(len(cluster.associations) for cluster in world.clusters.values()),
                "faults": [_shown(fault) for fault in self._faults.listed()],
                "calls": {f"{service}:{name}": count for (service, name), count in self._faults.calls.items()},
                "kubernetes": world.kubernetes.endpoint_url if world.kubernetes else "",
            }

    def _delays(self, arguments: Arguments) -> object:
        delays = self._world.delays
        for name, seconds in arguments.items():
            if not hasattr(delays, name):
                raise KeyError(name)
            if name == "lags":
                delays.lags.update({operation: float(lag) for operation, lag in seconds.items()})
            else:
                setattr(delays, name, float(seconds))
        return asdict(delays)

    def _addon_fault(self, arguments: Arguments) -> object:
        """Set the fault of an add-on, as in `{"addon": NAME, "status": "DEGRADED", …}`; without a status, remove it."""
        name = str(arguments.pop("addon"))
        with self._world.lock:
            if not arguments.get("status"):
                return self._world.addon_faults.pop(name, None) is not None
            self._world.addon_faults[name] = AddonFault(**arguments)
        return True


def _shown(fault: Fault) -> dict[str, object]:
    return {"kind": fault.kind, "service": fault.service, "operation": fault.operation, "times": fault.times}


def _answer(status: int, document: object) -> HttpAnswer:
    return HttpAnswer(status, _JSON, json.dumps(document).encode())


if TYPE_CHECKING:
    from podid.sandbox.cluster import SandboxCluster


class Sandbox:
    """An AWS account on loopback. `kubernetes` starts the Kubernetes half and returns it; without it there is none.

    Callers use `endpoint_url`, `world`, `faults`, `failures`, `admin`, `iam`, `admin_key` and `env()`. `samples` also
    loads the demo's mistyped association; `migration` loads a dozen workloads that use irsa, kiam or kube2iam.
    """

    def __init__(
        self,
        *,
        account: str = "111122223333",
        region: str = "us-west-2",
        partition: str = "aws",
        cluster_name: str = "demo",
        port: int = 0,
        samples: bool = False,
        migration: str = "",
        nonce: str = "",
        kubernetes: KubernetesFactory | None = None,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self.world = World(account=account, region=region, partition=partition, cluster_name=cluster_name)
        self.faults = Faults()
        self.nonce = nonce or secrets.token_urlsafe(24)
        self.gateway = Gateway(self.world, self.faults)
        self.iam = self.gateway.iam
        self.admin_key: Credential = self.world.credentials.add_user(
            "podid-admin", account=account, partition=partition
        )
        self.failures = ActiveFailures(self.reach)
        stop = on_stop or (lambda: None)
        self.admin = Admin(self.world, self.faults, self.failures, self.nonce, reset=self.reset, stop=stop)
        self._port = port
        self._samples, self._migration = samples, migration
        self._kubernetes = kubernetes
        self._half: SandboxCluster | None = None
        self._server: LoopbackServer | None = None

    @property
    def endpoint_url(self) -> str:
        if self._server is None:
            raise Conflict("the sandbox is not running")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def kubernetes(self) -> "SandboxCluster | None":
        """Return the Kubernetes half while it runs, otherwise None."""
        return self._half

    def reach(self) -> Reach:
        """Return the parts of the running sandbox that failure modes and samples change."""
        from podid.sandbox.cluster import SandboxCluster

        assert isinstance(self._half, SandboxCluster), "this sandbox has no cluster"
        return Reach(
            world=self.world,
            iam=self.iam,
            kube=self._half.kube,
            endpoint_url=self.endpoint_url,
            admin_key=self.admin_key,
        )

    def env(self) -> dict[str, str]:
        """Return the variables that point boto3, the AWS CLI and kubectl to this sandbox. Those in process.UNSET must
        be unset."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.admin_key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.admin_key.secret_access_key,
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"KUBECONFIG": str(self._half.kubeconfig_path)} if self._half is not None else {}),
        }

    def add_place(self, account: str, region: str = "") -> World:
        """Return the world of another account or region, empty: it has IAM, but neither Kubernetes nor EC2."""
        main = self.world
        world = World(account=account, region=region or main.region, partition=main.partition, cluster_name="")
        world.clock, world.credentials, world.delays = main.clock, main.credentials, main.delays
        return self.gateway.elsewhere.setdefault((account, world.region), world)

    def start(self) -> "Sandbox":
        """Start the server; it listens on return. Raise OSError if the port is taken, Conflict if another sandbox runs
        in this process."""
        if not _running.acquire(blocking=False):
            raise Conflict("a sandbox already runs in this process")
        try:
            self.iam.forget()
            baseline.load(self.world, self.iam, samples=self._samples)
            self._server = LoopbackServer(self._answer, self._port)
            self._start_kubernetes()
        except BaseException:
            self._close()
            raise
        self._server.start()
        self.world.notify()
        return self

    def stop(self) -> None:
        """Stop the server and the Kubernetes half. Has no effect if they do not run."""
        if self._server is not None:
            self._close()

    def reset(self) -> None:
        """Restore the baseline: objects, faults, denials, a new Kubernetes half. Keys, delays and the clock stay."""
        self.failures.forget()
        with self.world.lock:
            self.faults.clear()
            self.world.reset()
            self.iam.forget()
            self.gateway.forget_ec2()
            self.gateway.past.forget()
            self.gateway.elsewhere.clear()
            baseline.load(self.world, self.iam, samples=self._samples)
        if self._half is not None:
            self._half.stop()
            self._start_kubernetes()
        self.world.notify()

    def _start_kubernetes(self) -> None:
        if self._kubernetes is not None:
            self._half = self._kubernetes(self.world)
            self._half.run_pods_for(self.gateway)
            self.world.attach_kubernetes(self._half)
            if self._migration == "irsa":
                irsa_samples.load(self.reach())
            elif self._migration:
                proxy_samples.load(self.reach(), self._migration)

    def _close(self) -> None:
        try:
            if self._half is not None:
                self._half.stop()
        finally:
            self._half = None
            self.world.attach_kubernetes(None)
            if self._server is not None:
                self._server.close()
            self._server = None
            _running.release()

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        return self.admin.answer(request) if request.path.startswith(Admin.PREFIX) else self.gateway.answer(request)

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
