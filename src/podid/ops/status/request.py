"""What is asked for of a status, as options of the commands that show one."""

from collections.abc import Sequence
from functools import partial

from podid.domain.errors import Again, InvalidInput, Other, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, several, switch
from podid.domain.status import IdentityState
from podid.ops.options import ALLOW_UNKNOWN, SERVICE_ACCOUNTS


def read_state(text: str, allowed: Sequence[IdentityState]) -> IdentityState:
    """What --require names. Raises InvalidInput for a state that the command cannot show."""
    if text not in tuple(allowed):
        words = ", ".join(allowed)
        raise InvalidInput(f"--require {text!r} is not one of: {words}", hint=Again(swap=(text, allowed[-1])))
    return IdentityState(text)


@options
class VerifyOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    require: IdentityState = option(
        "STATE",
        "ready, verified or proven: what each must reach.",
        default=IdentityState.VERIFIED,
        read=partial(read_state, allowed=(IdentityState.READY, IdentityState.VERIFIED, IdentityState.PROVEN)),
    )
    allow_unknown: bool = ALLOW_UNKNOWN
    all_pods: bool = switch("Redeem a token of every pod, not of one for each workload and template.")
    cloudtrail: bool = switch("Find the pods' own sessions in CloudTrail, which records them some minutes late.")
    probe: bool = switch("Also run a pod of podid's own on each node, which asks the agent itself.")
    probe_node: tuple[str, ...] = several("NODE", "Run it on this node; repeatable. Means --probe.")
    probe_image: str | None = option(
        "IMAGE", "Its image, with the AWS CLI 2.15 or newer. [default: AWS's, from ECR Public]"
    )
    can: tuple[str, ...] = several("ACTION", "Also check whether pods may do this, such as s3:GetObject; repeatable.")
    resource: tuple[str, ...] = several("ARN", "On this resource; repeatable. [default: *]")

    def check_together(self) -> bool:
        """Whether pods of podid's own are to be run. Raises UsageError for options that need another one."""
        probes = self.probe or bool(self.probe_node)
        if self.probe_image is not None and not probes:
            raise UsageError("--probe-image belongs to --probe", hint=Again(add=("--probe",)))
        if self.resource and not self.can:
            raise UsageError("--resource belongs to --can", hint=Other(("verify", "--help")))
        return probes
