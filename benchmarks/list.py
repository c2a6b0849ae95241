"""How close `podid list` comes to the ideal of 64 calls in flight: 5,000 associations behind 50 ms, one of which EKS
never describes.

    python benchmarks/list.py [--associations N] [--sound]

Exits 1 where the list is not the API's, or takes more than LIMIT times the ideal. `--sound`: each is described. The CPU
is podid's alone, its start and its output with it; EKS is a second process that needs half of another core. Bare
sockets, which neither sign nor check an answer, show how much of the ideal this machine allows in the same minutes: if
they take much more than 1.1 times the ideal, compare the CPU, not the seconds.
"""

import argparse
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import _eks

LIMIT = 1.4


def listed(env: Mapping[str, str]) -> tuple[float, float, int, list[dict[str, Any]]]:
    """Seconds, seconds of CPU, exit code and rows of `podid list`."""
    command = [sys.executable, "-m", "podid", "list", "--cluster", _eks.CLUSTER, "-o", "json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return seconds, used.ru_utime + used.ru_stime, process.returncode, json.loads(text)["items"]


def by_sockets(port: int) -> float:
    """Seconds for the same requests from IN_FLIGHT threads with a socket each."""
    began, todo = time.perf_counter(), queue.SimpleQueue[str]()
    path = f"/clusters/{_eks.CLUSTER}/pod-identity-associations"

    def get(connection: socket.socket, target: str) -> Any:
        connection.sendall(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < int(length.partition(b":")[2]):
            body += connection.recv(65536)
        return json.loads(body)

    def work() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while name := todo.get():
                get(connection, f"{path}/{name}")

    threads = [threading.Thread(target=work) for _ in range(_eks.IN_FLIGHT)]
    for thread in threads:
        thread.start()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        more: str | None = ""
        while more is not None:
            page = get(connection, f"{path}?nextToken={more}" if more else path)
            for item in page["associations"]:
                todo.put(item["associationId"])
            more = page.get("nextToken")
    for _ in threads:
        todo.put("")
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--associations", type=int, default=5000)
    parser.add_argument("--sound", action="store_true")
    options = parser.parse_args()
    count: int = options.associations
    failing = "none" if options.sound else f"a-{count // 2:017d}"
    with _eks.running(_eks.Service(count, failing)) as env:
        seconds, cpu, code, rows = listed(env)
        bare = by_sockets(int(env["AWS_ENDPOINT_URL"].rpartition(":")[2]))
    roles = {row["associationId"]: row.get("roleArn") for row in rows}
    actual = {item["associationId"]: item["roleArn"] for item in map(_eks.association, range(count))}
    actual |= {failing: None} if not options.sound else {}
    marked = [row["associationId"] for row in rows if "unread" in row]
    same = roles == actual and len(rows) == count and marked == [failing] * (not options.sound)
    ideal = count * _eks.LATENCY_SECONDS / _eks.IN_FLIGHT
    print(
        f"{count} associations in {seconds:.1f} s, {seconds / ideal:.2f} times the ideal {ideal:.1f} s (limit {LIMIT}; "
        f"bare sockets {bare / ideal:.2f} times), with {cpu:.1f} s of CPU, {1000 * cpu / count:.2f} ms each; "
        f"exit {code}; {'equal to the API' if same else 'NOT what the API has'}; "
        f"not read: {', '.join(marked) or 'none'}"
    )
    return 0 if same and code == (0 if options.sound else 8) and seconds <= LIMIT * ideal else 1


if __name__ == "__main__":
    sys.exit(main())
