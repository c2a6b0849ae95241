"""What the output of podid's own pod means: which link its credentials came through, or where they stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass

from podid.domain.errors import InvalidInput
from podid.domain.proof import Identity, VerifyState
from podid.domain.workloads import AGENT_ADDRESSES
from podid.ops.association.hops import blame, blame_words
from podid.ops.association.read import AssociationReading
from podid.ops.association.verify import ASSOCIATION_LINK, TRUST_LINK, identity_of
from podid.ops.errortext import Certainty, hits
from podid.pages.index import ENTRIES

NETWORK_LINK, EKS_AUTH_LINK = 5, 8

_MOST = 400  # of a foreign text
_AGENT_ANSWERED = "from container metadata"
_NOT_ALLOWED = "EKS does not have permissions to assume the associated role"
_NO_ASSOCIATION = "(ResourceNotFoundException)"
_NO_CREDENTIALS = "Unable to locate credentials"
# a shell's and a container runtime's codes for a program that is not there or cannot be run
_NO_PROGRAM = (126, 127, 128)


@dataclass(frozen=True, slots=True)
class Answer:
    """The members as those of ProbeProof."""

    state: VerifyState
    reason: str = ""
    id: str = ""
    link: int = 0
    permission: str = ""
    likely: str = ""
    identity: Identity | None = None


def judge(text: str, exit_code: int, reading: AssociationReading) -> Answer:
    """Of `aws sts get-caller-identity` in a pod that carries the injected fields."""
    if exit_code == 0:
        return _identity(text, reading)
    said = " ".join(text.split())[:_MOST]
    if exit_code in _NO_PROGRAM:
        return Answer(VerifyState.UNKNOWN, f"its image has no AWS CLI that runs (exit code {exit_code}) {said}".strip())
    if _AGENT_ANSWERED in said:
        return _refused(said, reading)
    if any(address in said for address in AGENT_ADDRESSES):
        # what stands between is not in the SDK's words: that takes a look at the cluster
        return Answer(VerifyState.FAILED, f"it cannot reach the agent: {said}", link=NETWORK_LINK)
    if _NO_CREDENTIALS in said:
        return Answer(VerifyState.UNKNOWN, f"its image's AWS CLI does not ask the agent (2.15 or newer does): {said}")
    if "endpoint URL" in said:
        what = "the agent gave it credentials, but it cannot reach STS to ask whose they are"
        return Answer(VerifyState.UNKNOWN, f"{what}: {said}")
    return Answer(VerifyState.UNKNOWN, f"its AWS CLI ended with exit code {exit_code}: {said or 'no output'}")


def _identity(text: str, reading: AssociationReading) -> Answer:
    try:
        arn = str(json.loads(text)["Arn"])
        identity = identity_of(reading.association, arn)
    except (ValueError, KeyError, TypeError, RecursionError, InvalidInput):
        return Answer(VerifyState.UNKNOWN, "what it printed is no identity")
    if identity is None:
        reason = f"the agent gave it the credentials of {arn}, not of {reading.association.pods_role_arn}"
        return Answer(VerifyState.FAILED, reason, link=ASSOCIATION_LINK)
    return Answer(VerifyState.PROVEN, identity=identity)


def _refused(said: str, reading: AssociationReading) -> Answer:
    """The agent has answered, so that the way to it holds."""
    if _NOT_ALLOWED in said:
        if (finding := blame(reading)) is not None:
            reason = f"EKS Auth refuses it: {blame_words(finding, reading)}"
            return Answer(VerifyState.FAILED, reason, finding.id, TRUST_LINK)
        return Answer(VerifyState.FAILED, f"EKS Auth refuses it: {said}", link=TRUST_LINK)
    if _NO_ASSOCIATION in said:
        reason = f"EKS Auth knows no association for it: {said}"
        return Answer(VerifyState.FAILED, reason, "association-missing", ASSOCIATION_LINK)
    # the SDK's own words around the agent's answer say nothing of the cause
    return _failed("the agent refuses it", said.partition(_AGENT_ANSWERED)[2].lstrip(": "), EKS_AUTH_LINK)


def _failed(what: str, said: str, link: int) -> Answer:
    """With the failure mode where the text names one for sure; else with what it most likely is."""
    found = next(iter(hits(said)), None)
    if found is None or found.certainty is Certainty.POSSIBLE:
        return Answer(VerifyState.FAILED, f"{what}: {said}", link=link)
    link = next(entry.link for entry in ENTRIES if entry.id == found.id)
    if found.certainty is Certainty.SURE:
        return Answer(VerifyState.FAILED, f"{what}: {said}", found.id, link)
    return Answer(
        VerifyState.FAILED, f"{what}: {said} (most likely: podid explain {found.id})", link=link, likely=found.id
    )
