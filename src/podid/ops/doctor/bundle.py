"""An archive for support: the snapshot and the report, with accounts and external ids redacted."""

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from podid.domain.aws import described
from podid.domain.codec import from_plain, to_plain
from podid.domain.members import HIDDEN
from podid.domain.snapshot import NOT_READ, Snapshot, known_or

# class of contents of a bundle -> its sections
CONTENTS: Mapping[str, tuple[str, ...]] = {
    "the cluster: name, versions, add-ons with their service accounts and roles": (
        *("cluster", "agent_addon", "addons", "agent_versions", "agent_next_versions", "upgrade_insights"),
    ),
    "the network: ids of VPC, subnets, routes, endpoints, security groups; network policies and the selected labels": (
        *("egress", "network_policies", "cilium_policies"),
    ),
    "associations: service accounts, roles, session policies": ("associations",),
    "roles: trust policies, tags that a trust policy uses, names of policies, roles that they allow to assume": (
        *("roles", "target_roles", "chained_roles", "annotated_roles"),
        *("role_policies", "assume_permissions", "target_permissions"),
        *("bounded", "cni_permissions", "node_role_allowed"),
    ),
    "nodes: names, labels, taints, addresses, ids of instances, roles": (
        *("nodes", "node_groups", "node_classes", "instances", "other_node_roles", "clocks"),
    ),
    "pods: names, labels, addresses, images, reasons for failures; names of variables for AWS, Java and proxies": (
        *("pods", "agent_pods"),
    ),
    "values of AWS_PROFILE, AWS_REGION, AWS_ROLE_ARN and of variables with the agent's address or a file path": (
        *("pods", "agent_pods"),
    ),
    "workloads: names, labels; images and commands of DaemonSets, without likely secrets": (
        *("workloads", "daemon_sets"),
    ),
    "namespaces and service accounts: names, annotations of EKS, Pod Security levels": (
        *("namespaces", "service_accounts", "pod_security"),
    ),
    "names of ConfigMap keys that set environment variables": ("config_map_keys",),
    "the webhook, CSI drivers, and roles and service accounts in objects of other products": (
        *("webhook", "csi_drivers", "products"),
    ),
    "Kubernetes warnings about the agent": ("agent_warnings",),
    "lines of the agent's logs, CloudTrail events, results of redeemed tokens": (
        *("agent_logs", "agent_crashes", "cloudtrail", "redemptions", "node_calls", "sessions", "tokens", "probes"),
    ),
    "results of dry-run pods": ("dry_runs",),
    "times of podid's last changes of roles and associations": ("changes",),
}

# sections of which the checks of the doctor use only derived ones
OMITTED = ("permission_policies", "boundaries")
# sections that only `podid audit` reads
OF_AUDIT = (
    *("account_quotas", "target_policies", "node_role_policies", "principals"),
    *("access_keys", "secret_keys", "grants", "access_policies", "metadata_probes"),
)

# 12 digits are certainly an account in an ARN, as a whole value in a policy, and in a registry's name. podid replaces
# such an account everywhere
_ACCOUNT = re.compile(r'(?:arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:|["/])([0-9]{12})(?=[:"\\]|\.dkr[.-])')
_TWELVE = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A snapshot with replaced accounts and external ids, equal ones by equal ones, so that every check has the same
    result."""

    snapshot: Annotated[Snapshot, HIDDEN]
    accounts: int
    external_ids: int


def contents(snapshot: Snapshot) -> tuple[str, ...]:
    present = {name for names in CONTENTS.values() for name in names if known_or(getattr(snapshot, name), None)}
    return tuple(words for words, names in CONTENTS.items() if present & set(names))


def redact(snapshot: Snapshot) -> Redacted:
    """Return the snapshot without unneeded members, and with accounts and external ids replaced."""
    whole = to_plain(snapshot)
    _drop_unneeded(whole)
    numbers = _ACCOUNT.findall(json.dumps(whole))
    accounts = {account: f"{number:012}" for number, account in enumerate(dict.fromkeys(numbers), 1)}
    associations = described(known_or(snapshot.associations, ()))
    external = dict.fromkeys((*(item.external_id for item in associations if item.external_id), *_in_trusts(whole)))
    ids = {external_id: f"external-id-{number}" for number, external_id in enumerate(external, 1)}

    def text(value: str) -> str:
        return _TWELVE.sub(lambda match: accounts.get(match[0], match[0]), value)

    def redacted(value: Any) -> Any:
        if isinstance(value, dict):
            return {text(key): redacted(member) for key, member in value.items()}
        if isinstance(value, list):
            return [redacted(item) for item in value]
        return (ids.get(value) or text(value)) if isinstance(value, str) else value

    return Redacted(from_plain(Snapshot, redacted(whole), "snapshot"), len(accounts), len(ids))


# members that no check reads, by section
_UNNEEDED = {
    "cluster": ("endpoint", "certificate_authority", "cluster_id"),
    "associations": ("tags",),
    "changes": ("deleted",),
    "daemon_sets": ("set_by",),
}
_ROLES = ("roles", "target_roles", "chained_roles", "annotated_roles")


def _drop_unneeded(whole: dict[str, Any]) -> None:
    whole |= dict.fromkeys((*OMITTED, *OF_AUDIT), to_plain(NOT_READ))
    for section, names in _UNNEEDED.items():
        value = whole[section].get("known", [])
        for item in value if isinstance(value, list) else [value]:
            for name in names:
                item.pop(name, None)
    trusts = json.dumps([whole[section] for section in _ROLES]).lower()
    roles = [role for name in _ROLES for role in whole[name].get("known", {}).values() if role.get("known")]
    for role in (item["known"] for item in roles):
        for name in ("description", "last_used_region", "max_session_seconds"):
            role.pop(name, None)
        tags = role.get("tags", {}).items()
        used = {key: tag for key, tag in tags if f"tag/{json.dumps(key)[1:-1]}".lower() in trusts}
        role |= {"role_id": "", "tags": used}


def _in_trusts(value: Any) -> Iterator[str]:
    """Yield the external ids that policies require."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        if isinstance(key, str) and key.lower() == "sts:externalid":
            yield from (item for item in (member if isinstance(member, list) else [member]) if isinstance(item, str))
        else:
            yield from _in_trusts(member)


def archive(entries: Mapping[str, str], at: datetime) -> bytes:
    """Return a tar.gz of these files in a folder `podid-bundle`, the same bytes for the same files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, text in entries.items():
            data = text.encode()
            info = tarfile.TarInfo(f"podid-bundle/{name}")
            info.size, info.mtime, info.mode = len(data), int(at.timestamp()), 0o600
            tar.addfile(info, io.BytesIO(data))
    return whole.getvalue()
