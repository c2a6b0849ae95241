"""kill -9 at every write of a migration: the same command again finishes it, no pod is ever without credentials, and a
rollback restores annotations and trust policies to equal values.

Most runs die in this process: from the write on no request arrives, and the journal stays as it was at that moment.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any
from urllib.parse import parse_qs

import pytest
from urllib3.connectionpool import HTTPConnectionPool

from cluster_api import Json
from harness import one_in
from irsa import PROVIDER, REPORTS, Irsa, irsa_statement, ways
from ops.change.support import killed_at_write
from podid.domain import trust
from podid.domain.names import ServiceAccountRef
from podid.sandbox.faults import Fault
from worlds import ACCOUNT, CLUSTER_ARN, Site

pytestmark = pytest.mark.sampled(5)

ONE, TWO = "shop/one", "shop/two"
REFS = (REPORTS, ONE, TWO)
ROLES = {REPORTS: "irsa-reports", ONE: "pair", TWO: "pair"}
APPLY = ("migrate", "apply", "-A", "--yes")
FINISH = ("migrate", "finish", "-A", "--soak", "0", "--yes")
ROLLBACK = ("migrate", "rollback", "-A", "--yes")


class Killed(BaseException):
    """The process is dead: nothing of it runs on."""


def is_write(method: str, url: str, body: Any) -> bool:
    """Whether the request changes something, or issues credentials."""
    if method in ("GET", "HEAD") or "dryRun=All" in url or "selfsubject" in url:
        return False
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    action = parse_qs(text).get("Action", [""])[0] if "Action=" in text else ""
    return not action.startswith(("Get", "List", "Simulate", "Describe"))


@contextmanager
def dying(site: Site, patch: pytest.MonkeyPatch, number: int, when: str) -> Iterator[list[str]]:
    """Kills podid at its write `number`, before or after the write is carried out. Yields the writes so far."""
    urlopen, state = HTTPConnectionPool.urlopen, site.directory / "state"
    seen: list[str] = []
    dead: list[bool] = []

    dying_now = threading.Lock()

    def opening(self: HTTPConnectionPool, method: str, url: str, body: Any = None, *args: Any, **named: Any) -> Any:
        # while one thread dies, no other starts a call, and the run does not end
        with dying_now:
            if dead:
                raise Killed
            if is_write(method, url, body):
                seen.append(f"{method} {url}")
                if len(seen) == number + 1:
                    if when == "after":
                        urlopen(self, method, url, body, *args, **named)
                    dead.append(True)
                    shutil.copytree(state, site.directory / "at-death", dirs_exist_ok=True)
                    raise Killed
        return urlopen(self, method, url, body, *args, **named)

    with patch.context() as patched:
        patched.setattr(HTTPConnectionPool, "urlopen", opening)
        yield seen
    with dying_now:
        if dead:  # what the interpreter still wrote on its way out, a dead process does not
            shutil.rmtree(state)
            (site.directory / "at-death").rename(state)


class Watched(Irsa):
    """A cluster in which a pod of each service account is created each second; `without` are those that get neither
    credentials by IRSA nor by Pod Identity."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        pair = self.role("pair", irsa_statement(ONE, TWO), {**irsa_statement("web/other"), "Sid": "Other"})
        for ref in (ONE, TWO):
            self.account(ref, pair)
        self.before = self.values()
        self.without: list[str] = []
        self.rounds = 0
        site.on_sleep = self.watch

    def trust(self, role: str) -> Json:
        """Without a call of IAM, which may be throttled."""
        roles = self.site.box.iam.backend(ACCOUNT).roles.values()
        text = next(item.assume_role_policy_document for item in roles if item.name == role)
        document: Json = json.loads(text)
        return document

    def values(self) -> dict[str, Any]:
        return {ref: (self.trust(ROLES[ref]), self.annotations(ref)) for ref in REFS}

    def watch(self, _: float = 0) -> None:
        self.rounds += 1
        for ref in REFS:
            namespace, name = ref.split("/")
            pod = f"watch-{self.rounds}"
            self.site.cluster.make_pod(namespace, pod, name)
            made = self.site.cluster.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
            if not self.has_credentials(ref, made):
                self.without.append(f"{ref} in second {self.rounds}: {sorted(ways(made))}")
            self.site.cluster.delete(f"/api/v1/namespaces/{namespace}/pods/{pod}")

    def has_credentials(self, ref: str, pod: Any) -> bool:
        """Whether the way that an SDK takes works: web identity comes before the container's endpoint."""
        policy = trust.parse_policy(self.trust(ROLES[ref]))
        if "AWS_WEB_IDENTITY_TOKEN_FILE" in ways(pod):
            return trust.allows_by_issuer(policy, PROVIDER, ServiceAccountRef.parse(ref))
        namespace, name = ref.split("/")
        who = trust.PodIdentity(cluster_arn=CLUSTER_ARN, namespace=namespace, service_account=name)
        allowed = trust.evaluate(policy, who).verdict is trust.TrustVerdict.MATCH
        return "AWS_CONTAINER_CREDENTIALS_FULL_URI" in ways(pod) and allowed

    def running(self, way: str) -> bool:
        pods = [pod for namespace in ("legacy", "shop") for pod in self.site.cluster.pods(namespace)]
        own = [pod for pod in pods if f"{pod['metadata']['namespace']}/{pod['spec']['serviceAccountName']}" in REFS]
        return bool(own) and all(ways(pod) == {way} for pod in own)

    def kill(
        self, patch: pytest.MonkeyPatch, argv: tuple[str, ...], number: int, when: str, *, must: bool = True
    ) -> None:
        """Run podid until that write. It `must` come to it."""
        with dying(self.site, patch, number, when), suppress(Killed):
            outcome = self.site(*argv)
            assert (outcome.code, must) == (0, False), outcome
        self.site.wait(5)

    def is_moved(self) -> None:
        assert self.running("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        assert {self.stages()[ref] for ref in REFS} == {"moved"}

    def is_finished(self) -> None:
        assert all(self.annotations(ref) == {} for ref in REFS)
        left = [s.get("Sid") for s in self.trust("pair")["Statement"] if "Federated" in s["Principal"]]
        assert left == ["Other"]
        assert {self.stages()[ref] for ref in REFS} == {"finished"}

    def is_back(self) -> None:
        for ref, value in self.values().items():
            assert value == self.before[ref]
        assert self.running("AWS_WEB_IDENTITY_TOKEN_FILE")
        assert {self.stages()[ref] for ref in REFS} == {"old"}


@pytest.fixture
def irsa(healthy: Site) -> Watched:
    return Watched(healthy)


def _moments(writes: int, every: int) -> list[Any]:
    return one_in(every, [(number, when) for number in range(writes) for when in ("before", "after")])


@pytest.mark.parametrize(("number", "when"), _moments(14, 9))
def test_apply(irsa: Watched, monkeypatch: pytest.MonkeyPatch, number: int, when: str) -> None:
    irsa.kill(monkeypatch, APPLY, number, when)
    irsa.site.must(*APPLY)
    irsa.is_moved()
    irsa.site.must(*ROLLBACK)
    irsa.is_back()
    assert irsa.without == []


@pytest.mark.parametrize(("number", "when"), _moments(5, 7))
def test_finish(irsa: Watched, monkeypatch: pytest.MonkeyPatch, number: int, when: str) -> None:
    irsa.site.must(*APPLY)
    irsa.kill(monkeypatch, FINISH, number, when)
    irsa.site.must(*FINISH)
    irsa.is_finished()
    irsa.site.must("migrate", "rollback", *REFS, "--yes")
    irsa.is_back()
    assert irsa.without == []


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(("number", "when"), _moments(13, 11))
def test_rollback(irsa: Watched, monkeypatch: pytest.MonkeyPatch, number: int, when: str, finished: bool) -> None:
    irsa.site.must(*APPLY)
    if finished:
        irsa.site.must(*FINISH)
    argv = ("migrate", "rollback", *REFS, "--yes")
    irsa.kill(monkeypatch, argv, number, when, must=finished)
    irsa.site.must(*argv)
    irsa.is_back()
    assert irsa.without == []


# --- processes of their own -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead", "argv", "number"),
    [
        ((), APPLY, 0),
        ((), APPLY, 1),
        ((APPLY,), FINISH, 0),
        ((APPLY, FINISH), ("migrate", "rollback", *REFS, "--yes"), 0),
        ((APPLY,), ("migrate", "rollback", *REFS, "--yes"), 1),
    ],
    ids=["apply-trust", "apply-association", "finish-trust", "rollback-trust", "rollback-association"],
)
def test_a_process(irsa: Watched, lead: tuple[tuple[str, ...], ...], argv: tuple[str, ...], number: int) -> None:
    """The same with SIGKILL: at a write that AWS carried out and whose answer never arrived."""
    for before in lead:
        irsa.site.must(*before)
    pid: list[int] = []

    def current() -> int:
        while not pid:
            time.sleep(0.001)
        return pid[0]

    with killed_at_write(irsa.site.box, number, "after", current):
        environment = {"PATH": os.environ["PATH"], **irsa.site.env}
        process = subprocess.Popen(
            [sys.executable, "-m", "podid", *argv],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        pid.append(process.pid)
        assert process.wait(60) == -9
    irsa.site.must(*argv)
    if argv == APPLY:
        irsa.is_moved()
    elif argv == FINISH:
        irsa.is_finished()
    else:
        irsa.is_back()
    assert irsa.without == []


# --- the wire ---------------------------------------------------------------------------------------------------------

AWS_WRITES = (
    ("iam", "UpdateAssumeRolePolicy"),
    ("eks", "CreatePodIdentityAssociation"),
    ("eks", "DeletePodIdentityAssociation"),
    ("eks-auth", "AssumeRoleForPodIdentity"),
)
KUBE_WRITES = ("PATCH */deployments*", "PATCH */serviceaccounts*", "POST */token*", "POST */pods*")


@pytest.mark.parametrize("kind", ["lose-answer", "reset", "fail"])
def test_answers_that_are_lost_and_calls_that_are_refused(irsa: Watched, kind: str) -> None:
    """Each kind of write meets it once, in every command."""
    for argv in (APPLY, FINISH, ("migrate", "rollback", *REFS, "--yes")):
        for service, operation in AWS_WRITES:
            irsa.site.box.faults.add(Fault(kind, service, operation, times=1))
        for operation in KUBE_WRITES:
            irsa.site.kube.faults.add(Fault(kind, operation=operation, times=1, status=429, retry_after=1))
        outcome = irsa.site(*argv)
        irsa.site.box.faults.clear()
        irsa.site.kube.faults.clear()
        if outcome.code != 0:
            irsa.site.must(*argv)
    irsa.is_back()
    assert irsa.without == []


def test_a_throttled_account(irsa: Watched) -> None:
    irsa.site.box.faults.throttle(30, 1, "eks")
    irsa.site.box.faults.throttle(30, 1, "iam")
    for argv in (APPLY, FINISH, ("migrate", "rollback", *REFS, "--yes")):
        irsa.site.must(*argv)
    irsa.is_back()
    assert irsa.without == []


# --- any order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", one_in(8, range(24)))
def test_any_order_of_commands_can_be_rolled_back(irsa: Watched, seed: int) -> None:
    """Apply, finish and rollback of random service accounts, whose roles trust random others."""
    chance = Random(seed)
    forms: list[Callable[[str], Json]] = [
        lambda ref: irsa_statement(ref),
        lambda ref: irsa_statement("any/x", ref, "any/y"),
        lambda ref: irsa_statement(f"{ref.partition('/')[0]}/*", operator="StringLike"),
        lambda ref: irsa_statement(),
        lambda ref: {**irsa_statement(ref), "Sid": "Mine"},
    ]
    strangers = [
        irsa_statement("shop/one", provider=PROVIDER.replace("EXAMPLED", "OTHERD")),
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {**irsa_statement("any/z"), "Sid": "Other"},
    ]
    for ref in REFS:
        statements = [chance.choice(forms)(ref), *chance.sample(strangers, chance.randrange(3))]
        chance.shuffle(statements)
        irsa.site.trust(ROLES[ref], {"Version": "2012-10-17", "Statement": statements})
    pair = irsa.trust("pair")["Statement"]
    irsa.site.trust("pair", {"Version": "2012-10-17", "Statement": [*pair, irsa_statement(ONE, TWO)]})
    irsa.before = irsa.values()
    for _ in range(6):
        some = chance.sample(REFS, chance.randint(1, 3))
        verb = chance.choice(["apply", "finish", "rollback"])
        more = {"finish": ["--soak", "0", *chance.choice([[], ["--narrow"]])]}.get(verb, [])
        outcome = irsa.site("migrate", verb, *some, *more, "--yes")
        # 6: a trust policy without room
        assert outcome.code in (0, 3, 6, 8), outcome
    irsa.site.must("migrate", "rollback", *REFS, "--yes")
    irsa.is_back()
    assert irsa.without == []
