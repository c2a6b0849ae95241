"""Ctrl-C at several moments: the process says so and leaves with 130, and the same command again ends well."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from cluster_api import injected
from harness import one_in
from podid.sandbox.kube.access import Authorizer, ResourceAccess, User
from worlds import ROLE_ARN, Site

DEADLINE = 60.0


def interrupt(
    site: Site, argv: tuple[str, ...], moment: Callable[[], bool], how: signal.Signals = signal.SIGINT
) -> tuple[int, str]:
    """Runs podid as a process of its own, presses Ctrl-C once `moment` has come, and hands back code and stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "podid", *argv],
        env={"PATH": os.environ["PATH"], **site.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + DEADLINE
    while not moment():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(how)
    _, said = process.communicate(timeout=DEADLINE)
    return process.returncode, said


def statuses(site: Site) -> set[str]:
    return {item["status"] for item in site.must("history", "-o", "json").json["items"]}


CREATE_ROLE = ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", "FILE")
POINTS = [  # of each command a write, and then another call
    (("install-agent",), "eks", "CreateAddon"),
    (("install-agent",), "eks", "DescribeAddonVersions"),
    (CREATE_ROLE, "iam", "PutRolePolicy"),
    (CREATE_ROLE, "iam", "CreateRole"),
    (("associate", "shop/orders", "--role", "shop-orders", "--wait", "none"), "eks", "CreatePodIdentityAssociation"),
    (("associate", "shop/orders", "--role", "shop-orders", "--wait", "none"), "iam", "GetRole"),
    (
        ("associate", "shop/orders", "--role", "new", "--create-role", "--wait", "none"),
        "eks",
        "CreatePodIdentityAssociation",
    ),
]


@pytest.mark.parametrize(
    ("argv", "service", "operation"), one_in(3, POINTS), ids=lambda value: str(value).replace("/", "-")
)
def test_in_the_middle_of_a_call(site: Site, argv: tuple[str, ...], service: str, operation: str) -> None:
    argv = tuple(site.policy_file() if word == "FILE" else word for word in argv)
    if argv[0] == "associate":
        site.must("role", "create", "shop-orders", "--for", "shop/orders")
    before = site.box.faults.calls[service, operation]
    fault = site.box.faults.latency(0.4, service, operation)
    code, said = interrupt(site, argv, lambda: site.box.faults.calls[service, operation] > before)
    after = " `podid history` lists the changes; it is safe to run the command again: "
    after += shlex.join(("podid", *argv))
    changing = not operation.startswith(("Describe", "Get"))  # before the first change there is nothing to look up
    assert (code, said.splitlines()[-1]) == (130, f"Interrupted.{after if changing else ''}")
    time.sleep(0.5)  # what was sent arrives all the same
    fault.times = 0
    site.must(*argv)
    assert statuses(site) <= {"done", "empty", "interrupted", "written"}
    if argv[0] == "install-agent":
        assert (
            site.aws("eks").describe_addon(clusterName="demo", addonName="eks-pod-identity-agent")["addon"]["status"]
            == "ACTIVE"
        )
    elif argv[0] == "role":
        assert site.aws("iam").list_role_policies(RoleName="shop-orders")["PolicyNames"]
    else:
        (found,) = site.must("list", "-o", "json").json["items"]
        assert found["roleArn"] == (ROLE_ARN if "new" not in argv else ROLE_ARN.replace("shop-orders", "new"))


def test_in_the_middle_of_a_rollback(site: Site) -> None:
    """The next run settles the rollback; the role is made again."""
    argv = ("associate", "shop/orders", "--role", "new", "--create-role", "--wait", "none")
    site.box.world.credentials.deny("eks:CreatePodIdentityAssociation")
    calls, delete = site.box.faults.calls, ("iam", "DeleteRole")
    site.box.faults.latency(0.4, *delete)
    code, said = interrupt(site, argv, lambda: calls[delete] > 0)
    assert (code, said.splitlines()[-1].startswith("Interrupted.")) == (130, True)
    time.sleep(0.5)
    site.box.faults.clear()
    site.box.world.credentials.allow_again()
    again = site.must(*argv, "-o", "json")
    assert [item["kind"] for item in again.json["actions"]][-1] == "association"
    (made,) = site.must("list", "-o", "json").json["items"]
    assert made["roleArn"].endswith(":role/new")
    assert site.aws("iam").get_role(RoleName="new")["Role"]["RoleName"] == "new"


def test_in_the_middle_of_many(site: Site) -> None:
    """How far it came is said; the rerun does what is left."""
    names = tuple(f"shop/app-{number}" for number in range(30))
    argv = ("associate", *names, "--role", "storefront", "--wait", "none")
    calls, create = site.box.faults.calls, ("eks", "CreatePodIdentityAssociation")
    site.box.faults.throttle(20, 1, *create)
    code, said = interrupt(site, argv, lambda: calls[create] > 5)
    site.box.faults.clear()
    found = re.search(r"^Interrupted at (\d+) of 30 steps[.] `podid history` lists the changes", said, re.MULTILINE)
    assert found is not None, said
    assert code == 130
    made = len(site.must("list", "-o", "json").json["items"])
    assert int(found[1]) <= made < 30
    again = site.must(*argv, "-o", "json")
    assert sum(item["status"] == "unchanged" for item in again.json["actions"]) == made
    assert len(site.must("list", "-o", "json").json["items"]) == 30


def test_while_waiting_for_the_effect(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.with_agent().must("role", "create", "shop-orders", "--for", "shop/orders")
    argv = ("associate", "shop/orders", "--role", "shop-orders", "--restart")
    dry_runs: list[str] = []
    check = Authorizer.check

    def witness(self: Authorizer, user: User, access: ResourceAccess) -> None:
        if (access.verb, access.resource) == ("create", "pods"):
            dry_runs.append(access.namespace)
        check(self, user, access)

    monkeypatch.setattr(Authorizer, "check", witness)
    code, said = interrupt(site, argv, lambda: bool(dry_runs))
    assert (code, said.splitlines()[-1].startswith("Interrupted.")) == (130, True)
    assert [injected(pod) for pod in site.cluster.pods("shop")] == [False, False]
    (run,) = site.must("history", "last", "-o", "json").json["items"]
    steps = [("association", "shop/orders", "done"), ("restart", "shop/Deployment/orders", "planned")]
    assert [(item["kind"], item["target"], item["status"]) for item in run["actions"]] == steps
    assert run["status"] == "interrupted"
    again = site.must(*argv, "-o", "json").json
    assert [(item["kind"], item["status"]) for item in again["actions"]] == [
        ("restart", "done"),
        ("association", "unchanged"),
    ]
    assert [(item["target"], item["status"], item["reason"]) for item in again["settled"]] == [
        ("shop/orders", "done", "written; its effect was not confirmed"),
        ("shop/Deployment/orders", "blocked", "not tried"),
    ]
    assert again["after"][0]["state"] == "ready"
    assert [injected(pod) for pod in site.cluster.pods("shop")] == [True, True]
    assert statuses(site) == {"done", "interrupted"}  # the first one never came to its restarts
    assert "  -  restart Deployment shop/orders: not tried\n" in site.must("history", run["runId"]).stdout
    # it is told once
    assert site.must(*argv, "-o", "json").json["settled"] == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_written_and_never_seen(site: Site, monkeypatch: pytest.MonkeyPatch, how: signal.Signals) -> None:
    """What came to its end looks different from what was broken off while it waited."""
    site.with_agent().must("role", "create", "shop-orders", "--for", "shop/orders")
    argv = ("associate", "shop/orders", "--role", "shop-orders")
    dry_runs: list[str] = []
    check = Authorizer.check

    def witness(self: Authorizer, user: User, access: ResourceAccess) -> None:
        if (access.verb, access.resource) == ("create", "pods"):
            dry_runs.append(access.namespace)
        check(self, user, access)

    monkeypatch.setattr(Authorizer, "check", witness)
    interrupt(site, argv, lambda: bool(dry_runs), how=how)
    told = f"{site.must('history', 'last', '-o', 'name').stdout.strip()}  written, effect not confirmed  podid "
    assert site.must("history", "last").stdout.startswith(told)
    assert "\twritten, effect not confirmed\t" in site.must("history").stdout
    seen = "association shop/orders: written; its effect was not confirmed"
    assert seen in site.must("disassociate", "shop/orders", "--yes", "--wait", "none").stderr
    assert seen not in site.must("associate", "shop/orders", "--role", "shop-orders").stderr
    assert [item["status"] for item in site.must("history", "-o", "json").json["items"]] == [
        *("done", "done", "written", "done"),
    ]


def test_while_a_rollout_goes_on(site: Site) -> None:
    site.with_agent().associate("shop", "orders")
    path = "/apis/apps/v1/namespaces/shop/deployments/orders"

    def restarted() -> bool:
        return "annotations" in site.cluster.get(path)["spec"]["template"]["metadata"]

    code, said = interrupt(site, ("restart", "shop/orders", "--stale"), restarted)
    assert (code, said.splitlines()[-1].startswith("Interrupted.")) == (130, True)
    site.must("restart", "shop/orders", "--stale")
    assert [injected(pod) for pod in site.cluster.pods("shop")] == [True, True]
    # the rollout that was under way was waited for, or had ended: it was not begun again
    assert len(site.cluster.items("/apis/apps/v1/namespaces/shop/replicasets")) == 2
    # what became of the first run is not known, and the journal says where to look
    # and the second one is in it only where there was something left to wait for
    assert {"interrupted"} <= statuses(site) <= {"done", "interrupted"}


SWALLOWED = """
import signal, sys, time, weakref
from podid import entry
from podid.cli import boundary

class Pool: pass

def main(argv):
    pool = Pool()
    weakref.finalize(pool, signal.raise_signal, signal.SIGINT)
    del pool  # the Ctrl-C comes while Python runs the finalizer, which can raise nothing
    time.sleep(10)
    return 0

boundary.main = main
sys.argv = ["podid", "list"]
signal.signal(signal.SIGINT, signal.default_int_handler)
entry.main()
"""


def test_in_a_finalizer() -> None:
    ran = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=DEADLINE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "Interrupted.\n")
