"""How close `podid list` comes to the ideal of 64 calls in flight: 5,000 associations behind 50 ms, one of which EKS
never describes.

    python benchmarks/list.py [--associations N] [--sound]

EKS is a second process on loopback with answers made beforehand. Exits 1 where the list is not the API's, or takes more
than LIMIT times the ideal. `--sound`: each is described. The CPU is podid's alone, its start and its output with it;
EKS needs half of another core. On a machine that has other work the seconds say little: compare the CPU.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

LIMIT = 1.6
IN_FLIGHT = 64
LATENCY_SECONDS = 0.05
PAGE = 100
ACCOUNT = "111122223333"
ARN = f"arn:aws:eks:us-west-2:{ACCOUNT}"
LISTED = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")
WHO = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


def association(number: int) -> dict[str, Any]:
    name = f"a-{number:017d}"
    return {
        "clusterName": "bench",
        "namespace": f"team-{number % 50}",
        "serviceAccount": f"app-{number}",
        "associationId": name,
        "associationArn": f"{ARN}:podidentityassociation/bench/{name}",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/app-{number % 500}",
        "tags": {},
        "createdAt": 1764000000.0,
        "modifiedAt": 1764000000.0,
        "disableSessionTags": False,
    }


def answers(count: int) -> dict[str, bytes]:
    """By what comes after the cluster's name in the path; pages by their token."""
    items = [association(number) for number in range(count)]
    cluster = {"name": "bench", "arn": f"{ARN}:cluster/bench", "version": "1.35", "status": "ACTIVE"}
    found: dict[str, Any] = {
        "": {"cluster": {**cluster, "platformVersion": "eks.1", "endpoint": "https://127.0.0.1:9"}}
    }
    found |= {item["associationId"]: {"association": item} for item in items}
    for start in range(0, count, PAGE):
        page = [{key: item[key] for key in LISTED} for item in items[start : start + PAGE]]
        more = {"nextToken": str(start + PAGE)} if start + PAGE < count else {}
        found[f"page {start}"] = {"associations": page, **more}
    return {key: json.dumps(value).encode() for key, value in found.items()}


class Server(ThreadingHTTPServer):
    # of more connections at once than wait for being taken, some are tried again after a second
    request_queue_size = 2 * IN_FLIGHT


def serve(count: int, failing: str, pipe: Pipe) -> None:
    made = answers(count)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        # a page is larger than the buffer: its second part would wait 40 ms for the first one to be acknowledged
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    def send(self: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
        time.sleep(LATENCY_SECONDS)
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def get(self: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(self.path)
        _, _, _, *rest = parts.path.rstrip("/").split("/")
        key = rest[1] if len(rest) > 1 else f"page {parse_qs(parts.query).get('nextToken', ['0'])[0]}" if rest else ""
        if key == failing:
            send(self, 503, b'{"message": "not now"}', **{"x-amzn-errortype": "ServiceUnavailableException"})
        else:
            send(self, 200, made[key])

    def post(self: BaseHTTPRequestHandler) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        send(self, 200, WHO.encode())

    setattr(Handler, "do_GET", get)  # noqa: B010  http.server's name, which ruff refuses as a method
    setattr(Handler, "do_POST", post)  # noqa: B010
    server = Server(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


def listed(port: int, home: str) -> tuple[float, int, list[dict[str, Any]]]:
    """Seconds, exit code and rows of `podid list`."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "us-west-2",
    }
    command = [sys.executable, "-m", "podid", "list", "--cluster", "bench", "-o", "json"]
    began = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    return seconds, done.returncode, json.loads(done.stdout)["items"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--associations", type=int, default=5000)
    parser.add_argument("--sound", action="store_true")
    options = parser.parse_args()
    count: int = options.associations
    failing = "none" if options.sound else f"a-{count // 2:017d}"
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(count, failing, there), daemon=True)
    process.start()
    with TemporaryDirectory() as home:
        seconds, code, rows = listed(here.recv(), home)
    roles = {row["associationId"]: row.get("roleArn") for row in rows}
    wanted = {item["associationId"]: item["roleArn"] for item in map(association, range(count))}
    wanted |= {failing: None} if not options.sound else {}
    marked = [row["associationId"] for row in rows if "unread" in row]
    same = roles == wanted and len(rows) == count and marked == [failing] * (not options.sound)
    ideal = count * LATENCY_SECONDS / IN_FLIGHT
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{count} associations in {seconds:.1f} s, {seconds / ideal:.2f} times the ideal {ideal:.1f} s, with "
        f"{cpu:.1f} s of CPU, {1000 * cpu / count:.2f} ms each; exit {code}; "
        f"{'equal to the API' if same else 'NOT what the API has'}; not read: {', '.join(marked) or 'none'}"
    )
    process.terminate()
    return 0 if same and code == (0 if options.sound else 8) and seconds <= LIMIT * ideal else 1


if __name__ == "__main__":
    sys.exit(main())
