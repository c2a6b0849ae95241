"""Associations that annotations of service accounts request.

Without a limit, every user who can annotate a service account could give its pods any role. `allowedRoles` of a file is
that limit.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from podid.domain import trust
from podid.domain.cluster import OF_PODID, ServiceAccount
from podid.domain.declaration import Declaration, DeclaredAssociation
from podid.domain.errors import InvalidInput, NotFound
from podid.domain.names import check_role, parse_role_arn
from podid.ops.declare.clusters import FileSite
from podid.ops.role.policies import check_policy_document, session_policy_text

ROLE_ANNOTATION = f"{OF_PODID}role"
TARGET_ANNOTATION = f"{OF_PODID}target-role"
POLICY_ANNOTATION = f"{OF_PODID}session-policy"


def requested(account: ServiceAccount, site: FileSite) -> tuple[Declaration, DeclaredAssociation]:
    """Return the association that the account requests, and the first declaration that allows its roles. Raise
    InvalidInput for roles that none allows and for values that cannot be used, NotFound for a role that does not exist.
    A session policy disables session tags, because EKS does not accept both."""
    notes = account.annotations
    target = str(parse_role_arn(notes[TARGET_ANNOTATION])) if TARGET_ANNOTATION in notes else ""
    policy = _policy(notes[POLICY_ANNOTATION]) if POLICY_ANNOTATION in notes else ""
    name = check_role(notes[ROLE_ANNOTATION])
    for declaration in site.declarations:
        role = _arn(name, declaration, site)
        if all(_allowed(arn, declaration) for arn in (role, target) if arn):
            item = DeclaredAssociation(
                at=declaration.place("allowedRoles"),
                namespace=account.namespace,
                name=account.name,
                role=name,
                target_role=target,
                session_tags=not policy,
                session_policy=policy,
            )
            return declaration, item
    arns = {name: [_arn(name, item, site) for item in site.declarations], target: [target]}
    refused = [
        text
        for text, possible in arns.items()
        if text and not any(_allowed(arn, item) for arn in possible for item in site.declarations)
    ]
    raise InvalidInput(f"allowedRoles does not allow {' and '.join(refused or filter(None, (name, target)))}")


def _arn(name: str, declaration: Declaration, site: FileSite) -> str:
    """Return the ARN of a role of the file or of the account: `allowedRoles` may include its path."""
    if name.startswith("arn:"):
        return name
    cluster = site.place.the_cluster
    for role in declaration.roles:
        if role.name == name:
            return f"arn:{cluster.partition}:iam::{cluster.account}:role{role.path}{role.name}"
    existing = site.clients.iam.find_role(name)
    if existing is None:
        raise NotFound(f"role {name} does not exist", subject=name)
    return existing.arn


def _allowed(arn: str, declaration: Declaration) -> bool:
    return any(fnmatchcase(arn, pattern) for pattern in declaration.allowed_roles)


def _policy(text: str) -> str:
    document = check_policy_document(trust.read_json(text), POLICY_ANNOTATION)
    return session_policy_text(document, POLICY_ANNOTATION)
