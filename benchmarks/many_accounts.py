"""podid over 300 clusters in 10 accounts: the limit of the slowest account sets the time, and the memory is flat.

    python benchmarks/many_accounts.py [--clusters N] [--associations N] [--rate CALLS_A_SECOND] [--commands NAME,NAME]

AWS is the sandbox, in a process of its own. EKS answers `rate` calls a second in one account, as many saved up, and
twice as many in the others. Two more accounts cannot be read. The required seconds are those that the slowest account's
bucket needs for the calls that EKS counted. Each command runs with a third of the clusters first, for the memory.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from accounts import ROLE, ids, organization
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault

LIMIT = 1.15
# the heap of one process differs by a third from run to run
FLAT = 1.5
ACCOUNTS = 10
FORBIDDEN = ("333300000001", "333300000002")
COMMANDS = {"list": ("list",), "doctor": ("doctor",), "audit": ("audit",), "agent status": ("agent", "status")}


def serve(clusters: int, associations: int, rate: float, pipe: Pipe) -> None:
    """Run the sandbox. For each message on the pipe, fill the buckets again and return the calls of each account so
    far."""
    with Sandbox() as box:
        names = ids(ACCOUNTS)
        organization(box, names, clusters=clusters, associations=associations)
        box.world.organization.update(dict.fromkeys(FORBIDDEN, "ACTIVE"))
        slowest = dict.fromkeys(names, 0)
        meet = box.faults.meet

        def counted(service: str, operation: str, account: str = "") -> Any:
            met = meet(service, operation, account)
            if service == "eks" and account in slowest and met.breaks is None:
                slowest[account] += 1
            return met

        setattr(box.faults, "meet", counted)  # noqa: B010  a method
        pipe.send(box.env())
        while pipe.recv():
            pipe.send(dict(slowest))
            box.faults.clear()
            for number, name in enumerate(names):
                allowed = 2 * rate if number else rate
                box.faults.add(Fault("throttle", "eks", account=name, rate=allowed, burst=allowed))


@contextmanager
def running(clusters: int, associations: int, rate: float) -> Iterator[tuple[Pipe, dict[str, str]]]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(clusters, associations, rate, there), daemon=True)
    process.start()
    try:
        with TemporaryDirectory() as home:
            yield here, {"PATH": os.environ["PATH"], "HOME": home, **here.recv()}
    finally:
        process.terminate()


def run(pipe: Pipe, env: dict[str, str], words: tuple[str, ...]) -> tuple[float, float, int, int, int, dict[str, int]]:
    """Seconds to the first line and of all, megabytes, exit code, forbidden accounts that were named, and EKS's calls
    in each account."""
    pipe.send(True)
    before = pipe.recv()
    command = [sys.executable, "-m", "podid", *words, "--assume-role", ROLE, "--organization", "-o", "jsonl"]
    began, first = time.perf_counter(), 0.0
    with (Path(env["HOME"]) / "stderr").open("w+") as errors:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            json.loads(line)
            first = first or time.perf_counter() - began
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read()
    pipe.send(True)
    calls = {name: count - before[name] for name, count in pipe.recv().items()}
    named = sum(f"{account}:role/{ROLE}" in text for account in FORBIDDEN)
    return first, seconds, used.ru_maxrss // 1024, process.returncode, named, calls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=300)
    parser.add_argument("--associations", type=int, default=8)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--commands", default=",".join(COMMANDS))
    options = parser.parse_args()
    ok = True
    memory: dict[str, int] = {}
    for clusters in (options.clusters // 3, options.clusters):
        with running(clusters // ACCOUNTS, options.associations, options.rate) as (pipe, env):
            for name in options.commands.split(","):
                first, seconds, megabytes, code, named, calls = run(pipe, env, COMMANDS[name])
                required = max(
                    (count / (2 * options.rate if number else options.rate)) - 1
                    for number, count in enumerate(calls.values())
                )
                print(
                    f"{name}, {clusters} clusters in {ACCOUNTS} accounts: {seconds:.1f} s, {seconds / required:.2f} "
                    f"times the {required:.1f} s of the slowest account; first line after {first:.1f} s; "
                    f"{megabytes} MB; exit {code}; {named} of {len(FORBIDDEN)} forbidden accounts named",
                    flush=True,
                )
                if clusters < options.clusters:
                    memory[name] = megabytes
                    continue
                ok &= seconds <= LIMIT * required and megabytes <= FLAT * memory[name]
                ok &= code == 8 and named == len(FORBIDDEN)
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
