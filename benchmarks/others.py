"""The same list by boto3 in its three retry modes, by the AWS CLI, and by podid: without a limit, and where EKS answers
100 calls a second.

    python benchmarks/others.py [--associations N] [--limit CALLS_PER_SECOND]

boto3 has 64 threads, as podid has. The AWS CLI lists, and then describes each association in a process of its own, 8 at
a time, as a shell's loop would; CLI_CALLS of them are made, and the seconds for all are calculated. A call that failed
after all of its retries is counted.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import _eks
from list import listed

MODES = ("legacy", "standard", "adaptive")
CLI_CALLS = 16
CLI_AT_ONCE = 8
BY_BOTO3 = """
import sys
from concurrent.futures import ThreadPoolExecutor
import boto3
from botocore.config import Config
mode, workers = sys.argv[1], int(sys.argv[2])
eks = boto3.client("eks", config=Config(retries={"mode": mode}, max_pool_connections=workers))
def describe(name):
    try:
        eks.describe_pod_identity_association(clusterName="bench", associationId=name)
        return 0
    except Exception:
        return 1
pages = eks.get_paginator("list_pod_identity_associations").paginate(clusterName="bench")
names = (item["associationId"] for page in pages for item in page["associations"])
with ThreadPoolExecutor(workers) as pool:
    print(sum(pool.map(describe, names)))
"""


def by_boto3(env: Mapping[str, str], mode: str) -> tuple[float, int]:
    """Seconds, and the calls that failed."""
    began = time.perf_counter()
    command = [sys.executable, "-c", BY_BOTO3, mode, str(_eks.IN_FLIGHT)]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=True)
    return time.perf_counter() - began, int(done.stdout)


def by_cli(env: Mapping[str, str], program: str, count: int) -> tuple[float, int]:
    """Seconds for all, calculated from some, and how many of these failed."""

    def call(*words: str) -> int:
        command = [program, "eks", *words, "--cluster-name", _eks.CLUSTER]
        return subprocess.run(command, env=dict(env), capture_output=True, check=False).returncode

    began = time.perf_counter()
    assert call("list-pod-identity-associations") == 0
    listing = time.perf_counter() - began
    names = [f"a-{number:017d}" for number in range(CLI_CALLS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CLI_AT_ONCE) as pool:
        codes = list(pool.map(lambda name: call("describe-pod-identity-association", "--association-id", name), names))
    return listing + (time.perf_counter() - began) / CLI_CALLS * count, sum(map(bool, codes))


def compare(count: int, rate: float) -> None:
    ideal = max(0.0, count - rate) / rate if rate else count * _eks.LATENCY_SECONDS / _eks.IN_FLIGHT
    limit = f"{rate:g} calls a second" if rate else f"{_eks.IN_FLIGHT} calls in flight"
    print(f"{count} associations, ideal for {limit}: {ideal:.1f} s")

    def tell(name: str, seconds: float, failed: int, of: int = count) -> None:
        print(f"  {name}: {seconds:.1f} s, {seconds / ideal:.2f} times; {failed} of {of} calls failed", flush=True)

    # a bucket that is full again for each
    with _eks.running(_eks.Service(count, rate=rate)) as env:
        seconds, _, _, rows = listed(env)
    tell("podid", seconds, sum("unread" in row for row in rows))
    for mode in MODES:
        with _eks.running(_eks.Service(count, rate=rate)) as env:
            tell(f"boto3, {mode} retries", *by_boto3(env, mode))
    if program := shutil.which("aws"):
        with _eks.running(_eks.Service(count, rate=rate)) as env:
            tell("AWS CLI (calculated)", *by_cli(env, program, count), CLI_CALLS)
    else:
        print("  AWS CLI: not installed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--associations", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=100.0)
    options = parser.parse_args()
    compare(options.associations, 0.0)
    compare(options.associations, options.limit)


if __name__ == "__main__":
    main()
