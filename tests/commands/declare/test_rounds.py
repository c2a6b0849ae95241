"""Rounds of podid reconcile: drift, changes, conflicts, the Lease and SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from worlds import Site

LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/podid-reconcile-shop"


def once(site: Site, file: Path, *options: str) -> tuple[int, dict[str, object]]:
    outcome = site("reconcile", "-f", str(file), "--once", *options, "-o", "json")
    return outcome.code, outcome.json


def test_drift_is_reported_and_with_apply_removed(site: Site, file: Path) -> None:
    code, done = once(site, file)
    assert (code, done["state"], done["changes"], done["clusters"]) == (3, "drift", 3, ["demo"])
    code, done = once(site, file, "--apply")
    assert (code, done["state"], done["changes"]) == (0, "applied", 3)
    code, done = once(site, file, "--apply")
    assert (code, done["state"], done["changes"], done["unchanged"]) == (0, "in-sync", 0, 2)
    site.aws("iam").detach_role_policy(RoleName="web", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert once(site, file)[1]["changes"] == 1
    assert once(site, file, "--apply")[1]["state"] == "applied"
    assert once(site, file)[1]["state"] == "in-sync"


def test_a_conflict_stops_the_changes(site: Site, file: Path) -> None:
    site.must("associate", "shop/cart", "--role", "storefront", "--wait", "api")
    code, done = once(site, file, "--apply")
    assert (code, done["state"], done["conflicts"]) == (6, "partial", 1)
    assert "association shop/cart exists with other settings" in str(done["error"])
    assert site.must("show", "shop/cart", "-o", "json").json["roleArn"].endswith("/storefront")


def test_a_failed_round_has_its_error(site: Site, file: Path) -> None:
    site.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    code, done = once(site, file)
    assert (code, done["state"]) == (4, "failed")
    assert "eks:ListPodIdentityAssociations" in str(done["error"])


def test_a_standby_does_nothing(site: Site, file: Path) -> None:
    body = {"holderIdentity": "other", "leaseDurationSeconds": 30, "renewTime": "2026-11-28T12:00:00.000000Z"}
    site.cluster.post(LEASE.rpartition("/")[0], {"metadata": {"name": "podid-reconcile-shop"}, "spec": body})
    code, done = once(site, file, "--apply", "--lease", "shop")
    assert (code, done["state"], done["changes"]) == (0, "standby", 0)


def test_sigterm_ends_in_order_and_releases_the_lease(site: Site, file: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "podid", "reconcile", "-f", str(file), "--lease", "shop", "-o", "jsonl"],
        env={"PATH": os.environ["PATH"], **site.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["state"] == "drift"
    assert site.cluster.get(LEASE)["spec"]["holderIdentity"] != ""
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, time.monotonic() - start < 5) == (0, True), stderr
    assert not site.cluster.get(LEASE)["spec"].get("holderIdentity")
