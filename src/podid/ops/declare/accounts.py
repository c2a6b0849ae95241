"""The service accounts that require an association in one cluster: those that files declare, with patterns and
selectors expanded, and those whose annotations request an association.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache

from podid.domain import trust
from podid.domain.cluster import OF_PODID, ServiceAccount
from podid.domain.declaration import DEFAULT_ACCOUNT, GUARDED_NAMESPACES, Declaration, DeclaredAssociation
from podid.domain.errors import Conflict, CredentialsError, InvalidInput, NotFound, PodidError, Rejected
from podid.domain.fileplan import FileConflict
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.names import Arn, ServiceAccountRef, check_role, is_pattern, parse_role_arn
from podid.domain.patterns import matches_any
from podid.domain.text import cut
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.declare.clusters import FileSite
from podid.ops.role.policies import check_policy_document, session_policy_text

# without `allowedRoles` of a file, every user who can annotate a service account could give its pods any role
ROLE_ANNOTATION = f"{OF_PODID}role"
TARGET_ANNOTATION = f"{OF_PODID}target-role"
POLICY_ANNOTATION = f"{OF_PODID}session-policy"
# characters: an annotation may have 256 KiB
_LONGEST_REASON = 500
_LONGEST_ARN = 2048


@dataclass(frozen=True, slots=True)
class DeclaredAccount:
    """One declared association of one service account. `annotated` is whether annotations request it."""

    declaration: Declaration
    item: DeclaredAssociation
    ref: ServiceAccountRef
    annotated: bool = False

    def conflict(self, error: PodidError, *, owner: str = "", key: str = "") -> FileConflict:
        return FileConflict(ASSOCIATION.name, str(self.ref), self.item.place(key), error, owner)

    def mistake(self, key: str, text: str) -> InvalidInput:
        """Return the error about a member, with its place unless annotations request the association."""
        at = "" if self.annotated else f"{self.item.place(key)}: "
        return InvalidInput(f"{at}{key}: {text}", subject=str(self.ref))


@dataclass(slots=True)
class DeclaredAccounts:
    """The declared associations of one cluster by service account. `open` are the declarations with patterns that could
    not be expanded: none of their associations may be pruned."""

    by_ref: dict[ServiceAccountRef, DeclaredAccount] = field(default_factory=dict)
    conflicts: list[FileConflict] = field(default_factory=list)
    unread: list[NotRead] = field(default_factory=list)
    refused: list[RefusedAccount] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    def add(self, account: DeclaredAccount) -> None:
        """Add an account; collect a conflict with another declaration of it. A service account that is spelled out
        takes precedence over a pattern of the same file."""
        first = self.by_ref.setdefault(account.ref, account)
        if first is account or (first.declaration is account.declaration and first.item.ref is not None):
            return
        if first.declaration is account.declaration and _settings(first.item) == _settings(account.item):
            return
        message = f"{account.ref} is already declared at {first.item.at}"
        self.conflicts.append(account.conflict(Conflict(message, subject=str(account.ref))))

    def refuse(self, ref: ServiceAccountRef, error: PodidError, declarations: Iterable[Declaration]) -> None:
        """Ignore the annotations of a service account. Nothing is pruned while its association is not known."""
        self.by_ref.pop(ref, None)
        self.refused.append(RefusedAccount(ref=ref, reason=cut(error.message, _LONGEST_REASON)))
        self.open |= {declaration.name for declaration in declarations}


def _settings(item: DeclaredAssociation) -> tuple[object, ...]:
    return (item.role, item.target_role, item.session_tags, item.session_policy, item.tags)


def read_accounts(site: FileSite, *, annotations: bool = False) -> DeclaredAccounts:
    """Return the associations of the declarations for this cluster, and with `annotations` those that service accounts
    request. Reads service accounts only for patterns and annotations."""
    accounts = DeclaredAccounts()

    @cache  # each selection is read once
    def listed(namespace: str, selector: str) -> tuple[ServiceAccount, ...]:
        return site.clients.kube.reader.list_service_accounts(namespace, selector=selector)

    for declaration in site.declarations:
        # accounts that are spelled out first: they take precedence over patterns
        for item in sorted(declaration.associations, key=lambda item: item.ref is None):
            try:
                refs = tuple(_matching(item, listed)) if item.ref is None else (item.ref,)
            except InvalidInput:
                raise
            except PodidError as error:
                accounts.unread.append(NotRead(f"service accounts {item.service_account}", error, decisive=True))
                accounts.open.add(declaration.name)
                continue
            if not refs:
                selector = f" with labels {item.selector}" if item.selector else ""
                accounts.notes.append(f"{item.at}: no service account matches {item.service_account}{selector}")
            for ref in refs:
                accounts.add(DeclaredAccount(declaration, item, ref))
    if annotations:
        _add_annotated(site, accounts)
    return accounts


def _add_annotated(site: FileSite, declared: DeclaredAccounts) -> None:
    """Add the associations that annotations request. A service account that a file declares keeps its declaration."""
    try:
        accounts = sorted(site.clients.kube.reader.list_service_accounts(), key=lambda account: account.ref)
    except PodidError as error:
        declared.unread.append(NotRead("annotations of service accounts", error, decisive=True))
        declared.open |= {declaration.name for declaration in site.declarations}
        return
    of_files = frozenset(declared.by_ref)
    for account in accounts:
        if account.ref in of_files or ROLE_ANNOTATION not in account.annotations:
            continue
        try:
            declaration, item = requested(account, site)
        except (InvalidInput, NotFound) as error:
            declared.refuse(account.ref, error, site.declarations)
        except CredentialsError:
            raise
        except PodidError as error:
            declared.unread.append(NotRead(f"role that service account {account.ref} requests", error))
            declared.open |= {declaration.name for declaration in site.declarations}
        else:
            declared.add(DeclaredAccount(declaration, item, account.ref, annotated=True))


def _matching(
    item: DeclaredAssociation, listed: Callable[..., Iterable[ServiceAccount]]
) -> Iterator[ServiceAccountRef]:
    """Yield the service accounts that match a pattern and a selector, sorted. Raise as the reader does, and
    InvalidInput for a selector that the API server rejects."""
    try:
        accounts = listed("" if is_pattern(item.namespace) else item.namespace, item.selector)
    except Rejected as error:
        if not item.selector:
            raise
        message = f"{item.place('selector')}: selector: {item.selector!r} is not valid: {error.message}"
        raise InvalidInput(message, subject=item.selector) from error
    for ref in sorted(account.ref for account in accounts):
        guarded = is_pattern(item.namespace) and ref.namespace in GUARDED_NAMESPACES
        default = is_pattern(item.name) and ref.name == DEFAULT_ACCOUNT
        if fnmatchcase(ref.namespace, item.namespace) and fnmatchcase(ref.name, item.name) and not guarded | default:
            yield ref


def requested(account: ServiceAccount, site: FileSite) -> tuple[Declaration, DeclaredAssociation]:
    """Return the association that the account requests, and the first declaration that allows its roles. Raise
    InvalidInput for roles that none allows and for values that cannot be used, NotFound for a role that does not exist.
    A session policy disables session tags, because EKS does not accept both."""
    notes = account.annotations
    target = _role_of(notes, TARGET_ANNOTATION) if TARGET_ANNOTATION in notes else ""
    if target:
        parse_role_arn(target)
    policy = ""
    if POLICY_ANNOTATION in notes:
        document = check_policy_document(trust.read_json(notes[POLICY_ANNOTATION]), POLICY_ANNOTATION)
        policy = session_policy_text(document, POLICY_ANNOTATION)
    name = _role_of(notes, ROLE_ANNOTATION)
    for declaration in site.declarations:
        role = _arn(name, declaration, site)
        if all(_allowed(arn, declaration, site.place.account) for arn in (role, target) if arn):
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
        if text and not any(_allowed(arn, item, site.place.account) for arn in possible for item in site.declarations)
    ]
    raise InvalidInput(f"allowedRoles does not allow {' and '.join(refused or filter(None, (name, target)))}")


def _role_of(notes: Mapping[str, str], key: str) -> str:
    """Return the role that an annotation names. Raise InvalidInput for other text, and for a wildcard in a path: the
    policies that podid writes would contain it."""
    text = notes[key]
    if len(text) > _LONGEST_ARN:
        raise InvalidInput(f"{key} has {len(text):,} characters, which is not the name or ARN of a role", subject=key)
    if is_pattern(check_role(text)):
        raise InvalidInput(f"{text!r} is not the ARN of one role: it has a wildcard", subject=text)
    return text


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


def _allowed(arn: str, declaration: Declaration, account: str) -> bool:
    """Return whether the file allows a role. Roles of other accounts require a pattern of ARNs: names are chosen there
    by others."""
    own = Arn.parse(arn).account == account
    return matches_any((text for text in declaration.allowed_roles if own or ":" in text), arn)
