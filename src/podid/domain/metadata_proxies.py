"""kiam and kube2iam: agents that answer a pod's requests to the metadata service with the credentials of a role, which
an annotation of the pod names.

Sources: https://github.com/uswitch/kiam (docs/IAM.md, cmd/kiam, pkg/server/policy.go, pkg/aws/sts/arn_resolver.go) and
https://github.com/jtblin/kube2iam (README.md, cmd/main.go, iam/arn.go, namespaces/namespaces.go).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from podid.domain.cluster import DaemonSet, Workload, name_and_tag
from podid.domain.findings import Subject
from podid.domain.foreign import go_true
from podid.domain.grouping import grouped
from podid.domain.migration import OlderWay

PREFIX = "iam.amazonaws.com/"
ROLE, EXTERNAL_ID = f"{PREFIX}role", f"{PREFIX}external-id"
ALLOWED, PERMITTED = f"{PREFIX}allowed-roles", f"{PREFIX}permitted"
# flags that take a value, and flags that take none
VALUED = frozenset(
    {
        *("--base-role-arn", "--default-role", "--iam-role-key", "--iam-external-id", "--namespace-key"),
        *("--namespace-restriction-format", "--role-base-arn", "--assume-role-arn"),
    }
)
SWITCHES = frozenset(
    {
        *("--auto-discover-base-arn", "--auto-discover-default-role", "--namespace-restrictions"),
        *("--role-base-arn-autodetect", "--disable-strict-namespace-regexp"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTemplate:
    """A workload with the annotations of its pod template and, for kiam and kube2iam, their flags. `owner` is the tool
    that would restore the template."""

    workload: Workload
    annotations: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    runs: str = ""
    owner: str = ""

    @property
    def subject(self) -> Subject:
        return self.workload.subject


def program_of(images: Iterable[str], words: Iterable[str]) -> str:
    """Return kube2iam, kiam-agent or kiam-server if containers with these images and command lines run it; empty for
    other containers."""
    programs = {name_and_tag(image)[0] for image in images} | {word.rpartition("/")[2] for word in words}
    if any("kube2iam" in program for program in programs):
        return "kube2iam"
    if "kiam" in programs:
        return "kiam-server" if "server" in programs else "kiam-agent"
    return ""


def flags_of(words: Iterable[str]) -> dict[str, str]:
    """Return the flags of kiam and kube2iam among the words of a command line, with their values; true for a switch."""
    flags, pending = {}, ""
    for word in words:
        name, equals, value = word.partition("=")
        if pending:
            flags[pending], pending = word, ""
        elif name in VALUED:
            flags[name], pending = value, "" if equals else name
        elif name in SWITCHES:
            flags[name] = "true" if not equals or go_true(value) else "false"
    return flags


def may_proxy(daemon_set: DaemonSet) -> bool:
    return bool(program_of(daemon_set.images, (*daemon_set.command, *daemon_set.args)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataProxy:
    """kiam or kube2iam in a cluster. `base` precedes a role that is not an ARN; `base_words` is its source. `principal`
    is the role that assumes the others; empty for the nodes' role."""

    source: OlderWay
    workloads: tuple[Subject, ...]
    base: str
    base_words: str
    role_key: str = ROLE
    external_id_key: str = EXTERNAL_ID
    namespace_key: str = ALLOWED
    default_role: str = ""
    # how a namespace permits roles: empty for no restriction, glob, regexp, or kiam's strict
    restriction: str = ""
    principal: str = ""

    @property
    def keys(self) -> frozenset[str]:
        return frozenset({self.role_key, self.external_id_key, self.namespace_key})

    def arn_of(self, role: str) -> str:
        """Return the ARN of a role that an annotation names: by name, by path and name, or by ARN."""
        role = role.strip()
        return role if role.lower().startswith("arn:") else self.base + role.lstrip("/")

    def permits(self, namespace: Mapping[str, str], arn: str) -> bool | None:
        """Return whether the annotations of a namespace permit the role; None if they cannot be evaluated."""
        text = namespace.get(self.namespace_key, "")
        if not self.restriction or arn == self.default_role:
            return True
        try:
            if self.source is OlderWay.KIAM:
                # kiam turns `a|b` into `^a|b$`, which permits more than a|b
                return bool(text) and bool(re.search(f"^{text}$" if self.restriction == "strict" else text, arn))
            patterns = json.loads(text) if text else []
            return any(self._matches(str(pattern), arn) for pattern in patterns)
        except (re.error, ValueError, TypeError):
            return None

    def _matches(self, pattern: str, arn: str) -> bool:
        whole = self.arn_of(pattern)
        if self.restriction == "regexp":
            return bool(re.search(whole, arn))
        # kube2iam's glob has only the wildcard *, which also matches a /
        return bool(re.fullmatch(".*".join(map(re.escape, whole.split("*"))), arn))


def find_proxies(templates: Iterable[PodTemplate], *, partition: str, account: str) -> tuple[MetadataProxy, ...]:
    """Return kiam and kube2iam as far as they run, each once. `account` is that of the nodes."""
    by_program = grouped((template.runs, template) for template in templates if template.runs)
    own = f"arn:{partition}:iam::{account}:role/"
    proxies = []
    if members := by_program.get("kube2iam"):
        proxies.append(_kube2iam(members, own))
    if members := [*by_program.get("kiam-agent", ()), *by_program.get("kiam-server", ())]:
        proxies.append(_kiam(members, own))
    return tuple(proxies)


def _base(flags: Mapping[str, str], flag: str, detected: str, own: str, place: Subject) -> tuple[str, str]:
    base = flags.get(flag, "")
    if base and "$(" not in base:
        return base, f"{flag} of {place}"
    if flags.get(detected) == "true":
        return own, f"detected by {place} from the instance profile"
    return own, f"assumed, because podid found no {flag} in {place}"


def _all_flags(members: Iterable[PodTemplate]) -> Mapping[str, str]:
    return {name: value for member in members for name, value in member.flags.items()}


def _kube2iam(members: list[PodTemplate], own: str) -> MetadataProxy:
    flags, places = _all_flags(members), tuple(member.subject for member in members)
    base, words = _base(flags, "--base-role-arn", "--auto-discover-base-arn", own, places[0])
    proxy = MetadataProxy(
        source=OlderWay.KUBE2IAM,
        workloads=places,
        base=base.rstrip("/") + "/",
        base_words=words,
        role_key=flags.get("--iam-role-key") or ROLE,
        external_id_key=flags.get("--iam-external-id") or EXTERNAL_ID,
        namespace_key=flags.get("--namespace-key") or ALLOWED,
        restriction=(flags.get("--namespace-restriction-format") or "glob")
        if flags.get("--namespace-restrictions") == "true"
        else "",
    )
    default = flags.get("--default-role", "")
    return replace(proxy, default_role=proxy.arn_of(default)) if default and "$(" not in default else proxy


def _kiam(members: list[PodTemplate], own: str) -> MetadataProxy:
    flags, places = _all_flags(members), tuple(member.subject for member in members)
    base, words = _base(flags, "--role-base-arn", "--role-base-arn-autodetect", own, places[-1])
    proxy = MetadataProxy(
        source=OlderWay.KIAM,
        workloads=places,
        base=base,
        base_words=words,
        namespace_key=PERMITTED,
        restriction="regexp" if flags.get("--disable-strict-namespace-regexp") == "true" else "strict",
    )
    principal = flags.get("--assume-role-arn", "")
    return replace(proxy, principal=proxy.arn_of(principal) if principal else "")
