"""The sandbox in this process: `with Sandbox() as box:` starts it on a free port, in threads.

moto keeps IAM and EC2 in module globals, so one sandbox runs at a time in a process; a second start raises Conflict.
"""

import secrets
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from podid.domain.errors import Conflict
from podid.sandbox import baseline
from podid.sandbox.admin import Admin
from podid.sandbox.aws.gateway import Gateway
from podid.sandbox.breaks.hands import Reach
from podid.sandbox.breaks.standing import Standing
from podid.sandbox.credentials import Credential
from podid.sandbox.faults import Faults
from podid.sandbox.http import HttpAnswer, HttpRequest, LoopbackServer
from podid.sandbox.world import World

if TYPE_CHECKING:
    from podid.sandbox.kubernetes import JoinedKubernetes

_running = threading.Lock()


KubernetesFactory = Callable[[World], "JoinedKubernetes"]


class Sandbox:
    """An AWS account on loopback. `kubernetes` starts the other half and returns it; without it there is none.

    `endpoint_url`, `world`, `faults`, `standing`, `admin`, `iam`, `admin_key` and `env()` are for the caller. `samples`
    loads the demo's mistyped association too.
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
        self.standing = Standing(self._reach)
        stop = on_stop or (lambda: None)
        self.admin = Admin(self.world, self.faults, self.standing, self.nonce, reset=self.reset, stop=stop)
        self._port = port
        self._samples = samples
        self._kubernetes = kubernetes
        self._half: JoinedKubernetes | None = None
        self._server: LoopbackServer | None = None

    @property
    def endpoint_url(self) -> str:
        if self._server is None:
            raise Conflict("the sandbox is not running")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def kubernetes(self) -> "JoinedKubernetes | None":
        """The Kubernetes half, while it runs."""
        return self._half

    def _reach(self) -> Reach:
        from podid.sandbox.kubernetes import JoinedKubernetes

        assert isinstance(self._half, JoinedKubernetes), "this sandbox has no cluster"
        return Reach(
            world=self.world,
            iam=self.iam,
            kube=self._half.kube,
            endpoint_url=self.endpoint_url,
            admin_key=self.admin_key,
        )

    def env(self) -> dict[str, str]:
        """Variables that lead boto3, the AWS CLI and kubectl here; those in process.UNSET must go."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.admin_key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.admin_key.secret_access_key,
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"KUBECONFIG": str(self._half.kubeconfig_path)} if self._half is not None else {}),
        }

    def start(self) -> "Sandbox":
        """Listens when it returns. OSError when the port is taken, Conflict when another sandbox runs here."""
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
        """Ends the server and the Kubernetes half; harmless when it does not run."""
        if self._server is not None:
            self._close()

    def reset(self) -> None:
        """The baseline again: objects, faults, denials, a new Kubernetes half. Keys, delays and the clock stay."""
        self.standing.forget()
        with self.world.lock:
            self.faults.clear()
            self.world.reset()
            self.iam.forget()
            self.gateway.forget_ec2()
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
