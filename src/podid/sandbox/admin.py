"""The admin channel: JSON commands on a loopback path, for whoever knows the sandbox's nonce.

`GET /_podid/hello?CHALLENGE` proves that this is the sandbox one thinks it is without giving the nonce away: it answers
with an HMAC of the challenge. `POST /_podid/command` with the nonce in `X-Podid-Nonce` carries out `{"command": …}`.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from podid.sandbox.breaks.standing import Standing
from podid.sandbox.faults import Fault, Faults
from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.proof import COMMAND, HELLO, NONCE_HEADER, PREFIX, proof
from podid.sandbox.world import AddonFault, World

_JSON = {"Content-Type": "application/json"}

Arguments = dict[str, Any]


class Admin:
    """Answers requests whose path starts with `Admin.PREFIX`; `stop` ends the server's process."""

    PREFIX = PREFIX

    def __init__(
        self,
        world: World,
        faults: Faults,
        standing: Standing,
        nonce: str,
        *,
        reset: Callable[[], None],
        stop: Callable[[], None],
    ) -> None:
        self._world = world
        self._faults = faults
        self._nonce = nonce
        self._commands: dict[str, Callable[[Arguments], object]] = {
            "status": lambda _: self._status(),
            "reset": lambda _: reset(),
            "stop": lambda _: stop(),
            "fault": lambda arguments: _shown(faults.add(Fault(**arguments))),
            "clear-faults": lambda _: faults.clear(),
            "broken": lambda _: standing.listed(),
            "break": lambda arguments: standing.put(str(arguments["id"])),
            "heal": lambda arguments: standing.heal(str(arguments.get("id", ""))),
            "delays": self._delays,
            "advance": lambda arguments: world.clock.advance(float(arguments["seconds"])),
            "addon-fault": self._addon_fault,
            "deny": lambda arguments: bool(world.credentials.deny(**arguments)),
            "allow": lambda arguments: world.credentials.allow_again(**arguments),
        }

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """404 without the nonce, as for any path that does not exist; 400 for a command that cannot be carried out."""
        if request.method == "GET" and request.path == HELLO and request.query:
            return _answer(200, {"proof": proof(self._nonce, request.query)})
        known = hmac.compare_digest(request.header(NONCE_HEADER).encode(), self._nonce.encode())
        if not known or request.method != "POST" or request.path != COMMAND:
            return _answer(404, {"message": "Not Found"})
        try:
            return _answer(200, {"result": self.carry_out(json.loads(request.body))})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _answer(400, {"message": f"{type(error).__name__}: {error}"})

    def carry_out(self, arguments: Arguments) -> object:
        """What the command among them answers. ValueError, KeyError, TypeError or AttributeError where it cannot be."""
        return self._commands[arguments.pop("command")](arguments)

    def _status(self) -> object:
        world = self._world
        with world.lock:
            return {
                "cluster": world.cluster_name,
                "account": world.account,
                "region": world.region,
                "associations": sum(len(cluster.associations) for cluster in world.clusters.values()),
                "faults": [_shown(fault) for fault in self._faults.listed()],
                "calls": {f"{service}:{name}": count for (service, name), count in self._faults.calls.items()},
                "kubernetes": world.kubernetes.endpoint_url if world.kubernetes else "",
            }

    def _delays(self, arguments: Arguments) -> object:
        delays = self._world.delays
        for name, seconds in arguments.items():
            if not hasattr(delays, name):
                raise KeyError(name)
            setattr(delays, name, float(seconds))
        return asdict(delays)

    def _addon_fault(self, arguments: Arguments) -> object:
        """`{"addon": NAME, "status": "DEGRADED", …}` puts it in place, without a status it is removed."""
        name = str(arguments.pop("addon"))
        with self._world.lock:
            if not arguments.get("status"):
                return self._world.addon_faults.pop(name, None) is not None
            self._world.addon_faults[name] = AddonFault(**arguments)
        return True


def _shown(fault: Fault) -> dict[str, object]:
    return {"kind": fault.kind, "service": fault.service, "operation": fault.operation, "times": fault.times}


def _answer(status: int, document: object) -> HttpAnswer:
    return HttpAnswer(status, _JSON, json.dumps(document).encode())
