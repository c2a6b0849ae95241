"""The kinds of resource that podid changes: one class and one row each."""

from podid.ops.change.kinds.addon import ADDON, ADDON_ASSOCIATIONS
from podid.ops.change.kinds.association import ASSOCIATION
from podid.ops.change.kinds.base import ResourceKind, UnknownKind
from podid.ops.change.kinds.kubernetes import ANNOTATIONS, COMMAND, PROBE, SERVICE_ACCOUNT
from podid.ops.change.kinds.role import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS
from podid.ops.change.kinds.trusts import OIDC_PROVIDER, ROLE_TRUST, TARGET_TRUST
from podid.ops.change.kinds.workloads import AGENT, POD_TEMPLATE, RESTART

KINDS: tuple[ResourceKind, ...] = (
    ADDON,
    ROLE,
    ROLE_POLICY,
    ROLE_ATTACHMENT,
    ROLE_SETTINGS,
    ROLE_TRUST,
    TARGET_TRUST,
    OIDC_PROVIDER,
    ASSOCIATION,
    ADDON_ASSOCIATIONS,
    SERVICE_ACCOUNT,
    ANNOTATIONS,
    POD_TEMPLATE,
    AGENT,
    RESTART,
    PROBE,
    COMMAND,
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str) -> ResourceKind:
    """Return the kind of this name; an unknown kind can neither be read nor written."""
    return _BY_NAME.get(name) or UnknownKind(name)
