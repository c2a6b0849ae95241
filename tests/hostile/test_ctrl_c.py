"""Ctrl-C while a command reads, and whatever answers hangs, fails or throttles: it ends within two seconds."""

import os
import signal
import subprocess
import sys
import time

import pytest

from harness import one_in
from podid.cli.tree import COMMANDS
from podid.sandbox.baseline import add_cluster
from podid.sandbox.http import HttpAnswer
from worlds import Site

from .front import Call, Front, Genuine, in_front

SECONDS = 2.0
WAYS = (
    *("doctor", "role show shop-orders", "list", "agent status", "trust tighten --role shop-orders", "bundle --yes"),
    *("verify shop/orders --yes", "list --columns namespace,role,health", "doctor --logs --cloudtrail --verify --yes"),
    *(
        "status",
        "show shop/orders",
        "role list",
        "restart shop/orders",
        "agent nodes",
        "agent logs",
        "agent versions",
        "whoami",
    ),
    *("addon list", "addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront", "install-agent"),
    *("addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes", "uninstall-agent --yes", "doctor --me"),
    *("disassociate shop/orders --yes", "associate shop/orders --role storefront --replace", "undo last --yes"),
    *("move shop/orders shop/cart", "role create fresh --for shop/orders", "role delete storefront --yes"),
    *("role attach storefront --managed-policy ReadOnlyAccess", "trust add --role storefront --for shop/cart"),
    *("role detach storefront --managed-policy ReadOnlyAccess", "trust remove --role storefront --for shop/cart"),
    *("copy --from-cluster demo --to-cluster blue", "doctor --fix --yes"),
)
# read nothing of AWS or Kubernetes
OFFLINE = {"explain", "trust check", "preset list", "preset show", "history", "demo", "completion"}


def hanging(call: Call, genuine: Genuine) -> HttpAnswer:
    time.sleep(20)
    return genuine()


def failing(call: Call, genuine: Genuine) -> HttpAnswer:
    return HttpAnswer(503)


def throttling(call: Call, genuine: Genuine) -> HttpAnswer:
    error = "<Error><Code>Throttling</Code><Message>slow</Message></Error>"
    body = f"<ErrorResponse>{error}</ErrorResponse>" if call.service in ("iam", "sts") else "{}"
    return HttpAnswer(429, {"Retry-After": "5"}, body.encode())


ANSWERS: dict[str, Front] = {"hangs": hanging, "fails": failing, "throttles": throttling}


@pytest.mark.parametrize(("way", "how"), one_in(13, ((way, how) for way in WAYS for how in ANSWERS)))
def test_it_ends_at_once(healthy: Site, way: str, how: str) -> None:
    came: list[float] = []
    add_cluster(healthy.box.world, "blue")
    if way.startswith("undo"):
        healthy.must("associate", "payments/billing-worker", "--role", "billing-worker", "--wait", "none")

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        # what finds out where the command is to work is no parallel read
        if call.operation in ("GetCallerIdentity", "DescribeCluster", "GET /version") and way != "whoami":
            return genuine()
        came.append(time.monotonic())
        return ANSWERS[how](call, genuine)

    with in_front(healthy, front):
        process = subprocess.Popen(
            [sys.executable, "-m", "podid", *way.split()],
            cwd=healthy.directory,
            env={"PATH": os.environ["PATH"], **healthy.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not came or time.monotonic() < came[0] + 0.4:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        took = time.monotonic() - pressed
    assert (process.returncode, stdout) == (130, ""), (stdout, stderr)
    assert stderr.splitlines()[-1].startswith("Interrupted"), stderr
    assert took < SECONDS


def test_every_command_is_here() -> None:
    missing = {row.name for row in COMMANDS if not any(f"{way} ".startswith(f"{row.name} ") for way in WAYS)}
    assert {name for name in missing if not name.startswith("sandbox")} == OFFLINE
