"""A cluster on a clock that the test advances, with short functions for requests."""

import json
from dataclasses import dataclass, field
from typing import Any

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import KubeSandbox, ManualClock
from sandbox.memory_world import MemoryAddon, MemoryWorld

Obj = dict[str, Any]


@dataclass
class Cluster:
    """Sends requests as an administrator, or with `token`."""

    world: MemoryWorld = field(default_factory=lambda: MemoryWorld(addon=MemoryAddon()))
    clock: ManualClock = field(default_factory=ManualClock)
    sandbox: KubeSandbox = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = KubeSandbox(self.world, clock=self.clock)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.sandbox.poke()

    def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", caller: int = 0, media: str = ""
    ) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token or self.sandbox.admin_token}"}
        if media:
            headers["content-type"] = media
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.sandbox.handle(HttpRequest(method, path, headers, data, caller))
        if answer.lines is not None:
            return answer.status, list(answer.lines)
        return answer.status, answer.body

    def get(self, path: str) -> Obj:
        status, body = self.call("GET", path)
        assert status == 200, body
        assert isinstance(body, dict)
        return body

    def items(self, path: str) -> list[Obj]:
        objects: list[Obj] = self.get(path)["items"]
        return objects

    def post(self, path: str, body: Obj, **options: Any) -> Obj:
        status, answer = self.call("POST", path, body, **options)
        assert status == 201, answer
        assert isinstance(answer, dict)
        return answer

    def patch(self, path: str, body: Any, kind: str = "merge") -> Obj:
        media = f"application/{kind}-patch+json"
        status, answer = self.call("PATCH", path, body, media=media)
        assert status == 200, answer
        assert isinstance(answer, dict)
        return answer


def pod(name: str = "p", account: str = "orders", **spec: Any) -> Obj:
    """Return a pod of one container, `c`."""
    containers = spec.pop("containers", [{"name": "c", "image": "pause"}])
    return {"metadata": {"name": name}, "spec": {"serviceAccountName": account, "containers": containers, **spec}}


def names(objects: list[Obj]) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects]
