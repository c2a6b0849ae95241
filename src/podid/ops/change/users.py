"""Users of the resources that podid changes: associations, instance profiles, service accounts and pods.

A change that is safe only if nothing else needs a resource asks here. A failed read is an unread part, never "no
users".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.dependents import NO_DEPENDENTS, Dependents
from podid.domain.errors import Conflict, CredentialsError, InvalidInput, PodidError
from podid.domain.names import PODS_PRINCIPAL, Arn, ServiceAccountRef, addon_name, parse_role_arn, role_name
from podid.domain.plan import Action, Header, State, text, texts
from podid.domain.section import Unread
from podid.domain.text import short_list
from podid.domain.workloads import live, workload_subject
from podid.facts.credentials import carried_role
from podid.ops.clients import Site
from podid.ops.role.uses import Uses, evaluate_uses, used_words

T = TypeVar("T")
# the operations that read the associations of all clusters
USES = ("Eks.list_clusters", "Eks.list_associations")
# kinds of resource
_ADDON, _ADDON_ASSOCIATIONS, _POD_TEMPLATE = "addon", "addon-associations", "pod-template"


def read_part(part: str, read: Callable[[], T]) -> T | Unread:
    """Return the result, or the part as unread. Raise CredentialsError: nothing else can be read either."""
    try:
        return read()
    except CredentialsError:
        raise
    except PodidError as error:
        return Unread.of(part, error)


def users_of_role(site: Site, name: str, earlier: Sequence[Action]) -> Dependents:
    """Return the associations in all clusters that have the role as their own or as target role once the `earlier`
    actions are carried out."""
    role = site.iam.find_role(name)
    if role is None:
        return NO_DEPENDENTS
    uses = uses_after(site.uses, site.header, earlier)
    return Dependents(tuple(f"{used_words(use)} (role {name})" for use in uses.of(role.arn)), uses.unread)


def users_losing_trust(
    site: Site, role: Role | None, before: trust.Policy, after: trust.Policy, earlier: Sequence[Action]
) -> Dependents:
    """Return the users of a role that the trust policy no longer allows after the change. A principal that loses its
    statement is a user itself, unless it is EKS Pod Identity, the role of pods or an OIDC provider: their pods are."""
    lost = trust.loss(before, after)
    if role is None or not lost:
        return NO_DEPENDENTS
    chained = [_chained(site, arn) for arn in lost.roles]
    others = (*lost.others, *(item for item in chained if isinstance(item, str)))
    parts = [Dependents(tuple(f"{name} (role {role.name})" for name in others))]
    parts += [Dependents(unread=(item,)) for item in chained if isinstance(item, Unread)]
    if lost.clusters != frozenset() or None in chained:
        uses = uses_after(site.uses_in(None if None in chained else lost.clusters), site.header, earlier)
        parts.append(Dependents(tuple(_losing(role, uses, before, after)), uses.unread))
    parts += [_losing_irsa(site, role, issuer, before, after, earlier) for issuer in lost.issuers]
    return Dependents.joined(parts)


def _chained(site: Site, arn: str) -> str | Unread | None:
    """Return None for a role whose pods may assume the role with the trust policy. Return the ARN of another role,
    which is a user itself, and the part if it could not be read. A role that was deleted has no users: empty."""
    if parse_role_arn(arn).account != site.header.account:
        return arn
    role = read_part(f"role {role_name(arn)}, which the removed statement allows", lambda: _role(site, arn))
    if role is None or isinstance(role, Unread):
        return role if role is not None else ""
    try:
        statements = trust.parse_policy(role.trust).statements
    except InvalidInput:
        return None
    of_pods = any(item.not_principal or item.names_everyone or _PODS in item.principals for item in statements)
    return None if of_pods else arn


_PODS = ("Service", PODS_PRINCIPAL)


def _role(site: Site, arn: str) -> Role | None:
    role = site.iam.find_role(role_name(arn))
    return role if role is not None and role.arn == arn else None


def _losing(role: Role, uses: Uses, before: trust.Policy, after: trust.Policy) -> Iterator[str]:
    no_match = trust.TrustVerdict.NO_MATCH
    read = [evaluate_uses(replace(role, trust=policy.to_document()), uses) for policy in (before, after)]
    for old, new in zip(*read, strict=True):
        if new.evaluation.verdict is no_match is not old.evaluation.verdict:
            yield f"{used_words(new.association)} (role {role.name})"


def _losing_irsa(
    site: Site, role: Role, issuer: str, before: trust.Policy, after: trust.Policy, earlier: Sequence[Action]
) -> Dependents:
    """Return the service accounts that use the role by IRSA, by their annotation or in running pods, and lose it. An
    OIDC provider that was deleted allows no caller."""
    part = f"service accounts that use role {role.name} by IRSA, with OIDC provider {issuer}"

    def read() -> Dependents:
        if site.iam.find_oidc_provider(issuer) is None:
            return NO_DEPENDENTS
        if not site.cluster:
            return Dependents(unread=(Unread(part, "the cluster of the OIDC provider is not specified"),))
        if site.eks.get_cluster(site.cluster).oidc_provider_arn != issuer:
            reason = f"it is not the OIDC provider of cluster {site.cluster}"
            return Dependents(unread=(Unread(part, reason),))
        reader = site.clients.kube.reader
        unannotated = {_ref_of(a) for a in earlier if a.kind == "annotations" and not texts(a.after, "annotations")}
        refs = {item.ref for item in reader.list_service_accounts() if item.irsa_role_arn == role.arn} - unannotated
        refs |= {pod.ref for pod in reader.list_pods() if live(pod) and carried_role(pod) == role.arn}
        losing = [ref for ref in sorted(refs) if trust.may_lose_issuer(before, after, issuer, ref)]
        return Dependents(tuple(f"{ref} by IRSA (role {role.name})" for ref in losing))

    answer = read_part(part, read)
    return Dependents(unread=(answer,)) if isinstance(answer, Unread) else answer


def _ref_of(action: Action) -> ServiceAccountRef:
    return ServiceAccountRef(action.keys["namespace"], action.keys["name"])


def users_of_account(site: Site, ref: ServiceAccountRef, earlier: Sequence[Action]) -> tuple[str, ...] | Unread:
    """Return the names of the running pods of a service account, without those that `earlier` changes of their pod
    template replace."""
    templates = (a.keys for a in earlier if a.kind == _POD_TEMPLATE)
    replaced = {(keys["kind"], keys["namespace"], keys["name"]) for keys in templates}

    def read() -> tuple[str, ...]:
        pods = filter(live, site.clients.kube.reader.list_pods(ref.namespace, service_account=ref.name))
        owners = ((pod, workload_subject(pod)) for pod in pods)
        return tuple(pod.name for pod, of in owners if (of.kind, of.namespace, of.name) not in replaced)

    return read_part(f"pods of service account {ref}", read)


def users_of_provider(site: Site, arn: str, earlier: Sequence[Action]) -> Dependents:
    """Return the roles whose trust policies name the OIDC provider, without those that `earlier` actions delete or
    whose trust they change."""
    changed = {action.keys.get("roleName") for action in earlier if action.kind in ("role", "role-trust")}
    roles = read_part(f"roles that trust OIDC provider {arn}", site.iam.list_roles)
    if isinstance(roles, Unread):
        return Dependents(unread=(roles,))
    names: list[str] = []
    unread: list[Unread] = []
    for role in roles:
        if role.name in changed:
            continue
        try:
            if arn in trust.other_principals(trust.parse_policy(role.trust)):
                names.append(f"role {role.name}")
        except InvalidInput as error:
            unread.append(Unread(f"trust policy of role {role.name}", error.message))
    return Dependents(tuple(names), tuple(unread))


def users_of_agent(site: Site) -> Dependents:
    """Return the service accounts of the cluster with an association, with the number of their running pods."""
    listed = read_part(
        f"associations of cluster {site.cluster}", lambda: site.eks.list_association_summaries(site.cluster)
    )
    pods = read_part("pods and agents of the cluster", lambda: _agents_and_pods(site))
    unread = tuple(item for item in (listed, pods) if isinstance(item, Unread))
    refs = () if isinstance(listed, Unread) else sorted({item.ref for item in listed})
    return Dependents(tuple(map(str, refs)), unread)


def _agents_and_pods(site: Site) -> object:
    reader = site.clients.kube.reader
    return reader.list_agent_daemon_sets(), reader.list_pods()


def uses_after(uses: Uses, header: Header, actions: Iterable[Action]) -> Uses:
    """Return the uses of roles by the known associations once the actions, at `header`, are carried out."""
    states: dict[str, State | None] = {}
    addons: set[str] = set()
    for action in actions:
        if action.kind == "association":
            states[action.target] = action.after
        elif action.kind == _ADDON_ASSOCIATIONS:
            roles = texts(action.after, "roles")
            for account in {*roles, *texts(action.before, "roles")}:
                state = {"roleArn": roles[account]} if account in roles else None
                states[f"{text(action.after, 'namespace')}/{account}"] = state
        elif action.kind == _ADDON and action.after is None and not (action.before or {}).get("preserve"):
            addons.add(action.target)

    def after(use: Association) -> Iterator[Association]:
        if (Arn.parse(use.association_arn).region, use.cluster_name) != (header.region, header.cluster):
            yield use
        elif (ref := str(use.ref)) not in states:
            # EKS deletes the associations that a deleted add-on owns
            yield from () if use.owner_arn and addon_name(use.owner_arn) in addons else (use,)
        elif (state := states[ref]) is not None:
            target = text(state, "targetRoleArn") or None
            yield replace(use, role_arn=text(state, "roleArn"), target_role_arn=target)

    remaining = {arn: tuple(new for use in items for new in after(use)) for arn, items in uses.associations.items()}
    return Uses(remaining, uses.unread)


def check_unused(role: Role, uses: Sequence[Association], profiles: Sequence[str]) -> None:
    """Raise Conflict that lists the associations, or the instance profiles, that name the role."""
    if uses:
        names = "an association names" if len(uses) == 1 else f"{len(uses)} associations name"
        raise Conflict(
            f"Role {role.name} is still in use: {names} it ({short_list([used_words(use) for use in uses], 10)})",
            advice="First change or delete these associations with podid associate or podid disassociate.",
            subject=role.name,
        )
    if profiles:
        raise Conflict(
            f"Role {role.name} is in the instance profile {short_list(profiles)} of EC2 instances",
            advice="Remove it from the instance profile first (aws iam remove-role-from-instance-profile).",
            subject=role.name,
        )


def last_use(role: Role) -> str:
    """Return when the role was last used, for the person who confirms its deletion."""
    if role.last_used_at is None:
        return f"role {role.name} was never used (IAM keeps 400 days)"
    where = f" in {role.last_used_region}" if role.last_used_region else ""
    return f"role {role.name} was last used at {role.last_used_at:%Y-%m-%d %H:%M} UTC{where}"
