"""Role sessions by name: find them in events, findings and error texts, and read the names that EKS gives to the
sessions of pods.

EKS names a session `eks-CLUSTER-POD-UUID`, with at most 10 characters of the cluster's and of the pod's name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from podid.domain.foreign import Object, check_depth, text_or

PART = 10  # characters of the names of cluster and pod in a session name
_NAME = r"[\w+=,.@-]{1,64}"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_POD = rf"eks-[A-Za-z0-9][\w.-]{{2,20}}-{_UUID}"
_ARN = re.compile(rf"arn:(aws[a-z-]*):sts::(\d{{12}}):assumed-role/({_NAME})/({_NAME})", re.ASCII)
_BARE = re.compile(rf"(?<![\w/-]){_OF_POD}(?![\w-])", re.ASCII)
_PARTS = re.compile(rf"eks-(.+)-{_UUID}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedSession:
    """One session of a role. `role` is the role's name without its path. Everything but `name` is empty if only the
    session name is known."""

    name: str
    role: str = ""
    account: str = ""
    partition: str = ""

    @property
    def arn(self) -> str:
        """Return the session's ARN; empty if the role is not known."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.role}/{self.name}" if self.role else ""

    @property
    def of_pod(self) -> bool:
        """Return whether EKS gives such names to sessions of pods."""
        return re.fullmatch(_OF_POD, self.name, re.ASCII) is not None

    @property
    def instance_id(self) -> str:
        """Return the id of the EC2 instance, which names the sessions of its role; empty for other sessions."""
        return self.name if re.fullmatch(r"i-[0-9a-f]{8,17}", self.name) else ""

    def of_cluster(self, cluster: str) -> bool:
        """Return whether it can be the session of a pod of this cluster."""
        return self.name.startswith(f"eks-{cluster[:PART]}-")

    def pod_part(self, cluster: str) -> str:
        """Return the beginning of the pod's name, for a session of this cluster."""
        match = _PARTS.fullmatch(self.name)
        return match[1].removeprefix(f"{cluster[:PART]}-") if match is not None else ""

    def is_of(self, role_arn: str) -> bool:
        """Return whether the session may be one of this role; true if its role is not known."""
        same = f":{self.account}:" in role_arn and role_arn.rpartition("/")[2] == self.role
        return not self.role or same


def sessions_in(value: object) -> tuple[NamedSession, ...]:
    """Return the role sessions in a text, or anywhere in JSON: a CloudTrail event, a list of them, a GuardDuty finding.
    If some are sessions of pods, return only these. Raise Malformed for JSON that is nested too deeply."""
    check_depth(value, "the JSON")
    unique = dict.fromkeys(_sessions(value))
    named = {session.name for session in unique if session.role}
    whole = [session for session in unique if session.role or session.name not in named]
    return tuple(session for session in whole if session.of_pod) or tuple(whole)


def _sessions(value: object) -> Iterator[NamedSession]:
    if isinstance(value, str):
        inner = _json(value)
        yield from _sessions(inner) if inner is not None else _in_text(value)
    elif isinstance(value, Mapping):
        yield from _of_finding(value)
        for member in value.values():
            yield from _sessions(member)
    elif isinstance(value, list):
        for item in value:
            yield from _sessions(item)


def _in_text(text: str) -> Iterator[NamedSession]:
    for partition, account, role, name in _ARN.findall(text):
        yield NamedSession(name.rstrip(".,"), role, account, partition)
    for match in _BARE.finditer(text):
        yield NamedSession(match[0])


def _json(text: str) -> object:
    """Return the object in a text; CloudTrail's API returns the event as JSON text."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    check_depth(value, "the JSON")
    return value


def _of_finding(finding: Object) -> Iterator[NamedSession]:
    """Yield the session of a GuardDuty finding, which has no session ARN: its principal is `AROA…:SESSION`."""
    members = _uncapitalized(finding)
    key = _uncapitalized(_uncapitalized(members.get("resource")).get("accessKeyDetails"))
    name, account = text_or(key, "principalId").partition(":")[2], text_or(members, "accountId")
    if name and account:
        arn = text_or(members, "arn") or "arn:aws"
        yield NamedSession(name, text_or(key, "userName"), account, arn.split(":")[1])


def _uncapitalized(value: object) -> Object:
    """Return the members with the names of exported findings; those of the API begin with a capital letter."""
    return {name[:1].lower() + name[1:]: member for name, member in value.items()} if isinstance(value, Mapping) else {}


def records_in(value: object) -> Iterator[Object]:
    """Yield the CloudTrail records in JSON."""
    if isinstance(value, str):
        yield from records_in(_json(value) or ())
    elif isinstance(value, Mapping):
        if "eventName" in value and "userIdentity" in value:
            yield value
        else:
            for member in value.values():
                yield from records_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from records_in(item)
