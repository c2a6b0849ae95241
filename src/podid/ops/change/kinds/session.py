"""Commands that ran with the identity of a service account. They are recorded only."""

from __future__ import annotations

from typing import ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Done, State, Status, Verb
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Site


class CommandState(TypedDict, total=False):
    namespace: str
    serviceAccount: str
    program: str
    roleArn: str


class CommandKind(ResourceKind):
    name = "command"
    state = CommandState
    keys = ("namespace", "serviceAccount", "program")
    operations: ClassVar[Operations] = {
        Verb.CREATE: (
            "KubeReader.list_pods",
            "KubeWriter.request_token",
            "EksAuth.assume_role_for_pod_identity",
        )
    }
    passing = True

    @staticmethod
    def state_of(ref: ServiceAccountRef, program: str, role_arn: str) -> CommandState:
        """Return the state. The arguments are omitted: they may contain secrets."""
        return {
            "namespace": ref.namespace,
            "serviceAccount": ref.name,
            "program": program,
            "roleArn": role_arn,
        }

    def read(self, site: Site, keys: Keys) -> State | None:
        """Return None: a command is not a resource."""
        return None

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        raise Conflict("A command cannot be repeated from the journal: use podid exec", subject=action.target)

    def subject(self, action: Action) -> str:
        keys = action.keys
        return f"command {keys['program']} as {keys['namespace']}/{keys['serviceAccount']}"

    def settle(self, site: Site, action: Action) -> Done:
        return Done(action, Status.DONE, None, "settled: podid ended before the command did")

    def not_undone(self, action: Action) -> str:
        return f"the {self.subject(action)} cannot be undone"


COMMAND = CommandKind()
