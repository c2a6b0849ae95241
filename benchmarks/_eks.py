"""EKS of one cluster, as a process on loopback with answers made beforehand: it waits for the latency, and refuses
calls above a limit as AWS does."""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

IN_FLIGHT = 64
LATENCY_SECONDS = 0.05
PAGE = 100
CLUSTER = "bench"
REGION = "us-west-2"
ACCOUNT = "111122223333"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}"
LISTED = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")
WHO = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@dataclass(frozen=True, slots=True)
class Service:
    """What EKS has and does. `failing` is an association that it never describes. `rate` is the number of described
    associations a second, of which as many can be saved up; 0 is no limit."""

    associations: int
    failing: str = "none"
    rate: float = 0.0


def association(number: int) -> dict[str, Any]:
    name = f"a-{number:017d}"
    return {
        "clusterName": CLUSTER,
        "namespace": f"team-{number % 50}",
        "serviceAccount": f"app-{number}",
        "associationId": name,
        "associationArn": f"{ARN}:podidentityassociation/{CLUSTER}/{name}",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/app-{number % 500}",
        "tags": {},
        "createdAt": 1764000000.0,
        "modifiedAt": 1764000000.0,
        "disableSessionTags": False,
    }


def answers(count: int) -> dict[str, bytes]:
    """By what comes after the cluster's name in the path; pages by their token."""
    items = [association(number) for number in range(count)]
    cluster = {"name": CLUSTER, "arn": f"{ARN}:cluster/{CLUSTER}", "version": "1.35", "status": "ACTIVE"}
    texts: dict[str, Any] = {
        "": {"cluster": {**cluster, "platformVersion": "eks.1", "endpoint": "https://127.0.0.1:9"}}
    }
    texts |= {item["associationId"]: {"association": item} for item in items}
    for start in range(0, count, PAGE):
        page = [{key: item[key] for key in LISTED} for item in items[start : start + PAGE]]
        more = {"nextToken": str(start + PAGE)} if start + PAGE < count else {}
        texts[f"page {start}"] = {"associations": page, **more}
    return {key: json.dumps(value).encode() for key, value in texts.items()}


class Bucket:
    """As many tokens as `rate`, filled at that rate; a refused call takes none."""

    def __init__(self, rate: float) -> None:
        self._rate = self._tokens = rate
        self._filled_at = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        if not self._rate:
            return True
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class Server(ThreadingHTTPServer):
    # of more connections at once than wait for being taken, some are tried again after a second
    request_queue_size = 4 * IN_FLIGHT


def serve(service: Service, pipe: Pipe) -> None:
    made, bucket = answers(service.associations), Bucket(service.rate)

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
        if key == service.failing:
            send(self, 503, b'{"message": "not now"}', **{"x-amzn-errortype": "ServiceUnavailableException"})
        elif key.startswith("a-") and not bucket.take():
            send(self, 429, b'{"message": "Rate exceeded"}', **{"x-amzn-errortype": "ThrottlingException"})
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


@contextmanager
def running(service: Service) -> Iterator[dict[str, str]]:
    """Yield the environment in which AWS clients call the service."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(service, there), daemon=True)
    process.start()
    try:
        with TemporaryDirectory() as home:
            yield {
                "PATH": os.environ["PATH"],
                "HOME": home,
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{here.recv()}",
                "AWS_ACCESS_KEY_ID": "AKIA",
                "AWS_SECRET_ACCESS_KEY": "x",
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,  # the AWS CLI reads only this one
            }
    finally:
        process.terminate()
