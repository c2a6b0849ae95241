"""Options of the commands that show a status."""

import re
from collections.abc import Sequence
from functools import partial

from podid.domain.errors import Again, InvalidInput, Other, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, repeatable, switch
from podid.domain.status import IdentityState
from podid.ops.options import ALLOW_UNKNOWN, SERVICE_ACCOUNTS
from podid.ops.permissions.request import parse_resources

_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")


def read_state(text: str, allowed: Sequence[IdentityState]) -> IdentityState:
    """Return the state that --require names. Raise InvalidInput for a state that the command cannot show."""
    if text not in tuple(allowed):
        words = ", ".join(allowed)
        raise InvalidInput(f"--require {text!r} is not one of: {words}", hint=Again(swap=(text, allowed[-1])))
    return IdentityState(text)


def parse_actions(texts: Sequence[str]) -> tuple[str, ...]:
    """Return each action once. Raise InvalidInput for other text, such as a pattern of actions."""
    for text in texts:
        if not _ACTION.fullmatch(text):
            message = f"{text!r} is not an action: specify SERVICE:Action, such as s3:GetObject"
            raise InvalidInput(message, subject=text)
    return tuple(dict.fromkeys(texts))


@options
class VerifyOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    require: IdentityState = option(
        "STATE",
        "State that every identity must reach: ready, verified or proven.",
        default=IdentityState.VERIFIED,
        read=partial(read_state, allowed=(IdentityState.READY, IdentityState.VERIFIED, IdentityState.PROVEN)),
    )
    allow_unknown: bool = ALLOW_UNKNOWN
    all_pods: bool = switch("Redeem a token of every pod, instead of one pod of each workload and pod template.")
    cloudtrail: bool = switch("Search CloudTrail for the pods' own sessions. Calls appear there after a few minutes.")
    probe: bool = switch("Also run a probe pod on each node. It requests credentials from the agent.")
    probe_node: tuple[str, ...] = repeatable("NODE", "Run the probe pod on this node. Implies --probe.")
    probe_image: str | None = option(
        "IMAGE", "Image of the probe pod, with AWS CLI 2.15 or newer. [default: AWS's image in ECR Public]"
    )
    can: tuple[str, ...] = repeatable(
        "ACTION", "Also check whether pods may perform this action, such as s3:GetObject.", read=parse_actions
    )
    resource: tuple[str, ...] = repeatable(
        "ARN", "Resource for which podid checks the actions. [default: *]", read=parse_resources
    )

    def check_together(self) -> bool:
        """Return whether podid's own pods are to run. Raise UsageError for an option that requires another one."""
        probes = self.probe or bool(self.probe_node)
        if self.probe_image is not None and not probes:
            raise UsageError("--probe-image requires --probe", hint=Again(add=("--probe",)))
        if self.resource and not self.can:
            raise UsageError("--resource requires --can", hint=Other(("verify", "--help")))
        return probes
