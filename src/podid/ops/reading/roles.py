"""Reads sections about roles: the roles themselves, their policies, simulations by IAM, and the roles of nodes."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from podid.aws.iam import Iam
from podid.domain.aws import Decision, Role
from podid.domain.cluster import NODE_CLASS_LABEL, Node, NodeClass
from podid.domain.errors import CredentialsError, InvalidInput, PodidError
from podid.domain.iam import AssumePermissions, Document, PolicyNames, allowed_actions, allows_any_action, undecided
from podid.domain.iam import assume_permissions as permissions_in
from podid.domain.names import parse_role_arn, role_name
from podid.domain.snapshot import (
    NOT_READ,
    Known,
    Missing,
    Section,
    attempt,
    error_of,
    known_or,
    missing,
    section_of,
    whole,
)
from podid.domain.trust import ACTIONS
from podid.facts.nodes import AUTO_MODE, REDEEM, node_roles, unaccounted
from podid.facts.privileges import Policies, RoleGrants
from podid.facts.second_hop import elsewhere
from podid.ops.reading.readings import Source

V = TypeVar("V")
NO_ROLES: Mapping[str, Section[Role | None]] = MappingProxyType({})
# an action of the CNI by the cluster's address family, which its policy allows:
# https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html
CNI_ACTIONS = {"ipv4": "ec2:AssignPrivateIpAddresses", "ipv6": "ec2:AssignIpv6Addresses"}
CNI_ACCOUNT = ("kube-system", "aws-node")


def roles(source: Source) -> dict[str, Section[Role | None]]:
    return _by_role((a.role_arn for a in source.associations), source.clients.iam.find_roles)


def target_roles(source: Source) -> dict[str, Section[Role | None]]:
    """Return the target roles of the cluster's account. Others require credentials of their own account."""
    roles: dict[str, Section[Role | None]] = {}
    nearby = []
    for arn in dict.fromkeys(a.target_role_arn for a in source.associations if a.target_role_arn):
        section = attempt(partial(elsewhere, arn, source.cluster.account))
        if isinstance(section, Missing):
            roles[arn] = section
        elif section.value is not None:
            roles[arn] = section.value
        else:
            nearby.append(arn)
    return roles | (_by_role(nearby, source.clients.iam.find_roles) if nearby else {})


def annotated_roles(source: Source) -> dict[str, Section[Role | None]]:
    """Return the roles also of service accounts with an association, which a plan may delete."""
    named, account = source.scope.named, f":iam::{source.cluster.account}:role/"
    accounts = (item for item in source.value("service_accounts") if not named or item.ref in named)
    arns = (item.irsa_role_arn.strip() for item in accounts)
    return _others(source, [arn for arn in arns if account in arn])


def chained_roles(source: Source) -> dict[str, Section[Role | None]]:
    """Return the roles of the cluster's account that policies of associations' roles name as roles to assume."""
    permissions = source.value("assume_permissions").values()
    named = dict.fromkeys(arn for section in permissions if isinstance(section, Known) for arn in section.value.roles)
    account = f":iam::{source.cluster.account}:"
    return _others(source, [arn for arn in named if account in arn])


def _others(source: Source, arns: Collection[str]) -> dict[str, Section[Role | None]]:
    """Return the roles; those of associations were read before."""
    known = {**known_or(source.before("target_roles"), {}), **known_or(source.before("roles"), {})}
    sections: dict[str, Section[Role | None]] = {arn: known[arn] for arn in arns if arn in known}
    return sections | _by_role((arn for arn in arns if arn not in known), source.clients.iam.find_roles)


def target_permissions(source: Source) -> dict[tuple[str, str], Section[tuple[Decision, ...]]]:
    pairs = dict.fromkeys((a.role_arn, a.target_role_arn) for a in source.associations if a.target_role_arn)
    answers = source.clients.iam.simulate_pairs(tuple(pairs), ACTIONS)
    return {pair: section_of(decisions) for pair, decisions in answers}


def role_policies(source: Source) -> dict[str, Section[PolicyNames]]:
    return _by_role((a.role_arn for a in source.associations), source.clients.iam.get_names_of_policies)


def permission_policies(source: Source) -> dict[str, Section[Policies]]:
    """Return role ARN -> its policies."""
    return _policies(source.clients.iam, source.value("role_policies"))


def target_policies(source: Source) -> dict[str, Section[Policies]]:
    """Return ARN of a target role -> its policies, in the cluster's account."""
    return policies_of_roles(source.clients.iam, _existing(source.value("target_roles")))


def policies_of_roles(iam: Iam, arns: Iterable[str]) -> dict[str, Section[Policies]]:
    """Return role ARN -> its policies, for any roles of the caller's account."""
    return _policies(iam, _by_role(arns, iam.get_names_of_policies))


def grants_of_roles(
    iam: Iam, arns: Collection[str], known: Mapping[str, Section[Role | None]] = NO_ROLES
) -> dict[str, RoleGrants]:
    """Return role ARN -> its policies and its permissions boundary, for any roles of the caller's account. `known` are
    roles that were read before. Raise CredentialsError."""
    roles = {**known, **_by_role([arn for arn in arns if arn not in known], iam.find_roles)}
    policies = policies_of_roles(iam, [arn for arn in arns if roles[arn] != Known(None)])
    ceilings = _ceilings(iam, roles)
    grants = {arn: RoleGrants.of(arn, roles[arn], policies.get(arn, Known({})), Known(ceilings)) for arn in arns}
    for reason in (reason for item in grants.values() for _, reason in item.missing):
        if reason.error_code == CredentialsError.code:
            raise error_of(reason)
    return grants


def permissions_of_roles(iam: Iam, arns: Iterable[str]) -> dict[str, Section[AssumePermissions]]:
    """Return role ARN -> its permissions to assume roles, for any roles of the caller's account."""
    return _permissions(policies_of_roles(iam, arns))


def _policies(iam: Iam, names: Mapping[str, Section[PolicyNames]]) -> dict[str, Section[Policies]]:
    """Read the policies that are named. A managed policy is read once for all roles."""
    known = {arn: section.value for arn, section in names.items() if isinstance(section, Known)}
    pairs = {(role_name(arn), policy) for arn, policies in known.items() for policy in policies.inline}
    inline = dict(iam.get_inline_documents(sorted(pairs)))
    managed = dict(iam.get_managed_documents(sorted({arn for policies in known.values() for arn in policies.attached})))
    documents: dict[str, Section[Policies]] = {arn: item for arn, item in names.items() if isinstance(item, Missing)}
    for arn, policies in known.items():
        answers = {policy: inline[role_name(arn), policy] for policy in policies.inline}
        answers |= {policy: managed[policy] for policy in policies.attached}
        # a policy that was deleted meanwhile is None
        documents[arn] = Known({name: section_of(item) for name, item in answers.items() if item is not None})
    return documents


def assume_permissions(source: Source) -> dict[str, Section[AssumePermissions]]:
    """Return role ARN -> its permissions to assume roles."""
    return _permissions(source.value("permission_policies"))


def _permissions(policies: Mapping[str, Section[Policies]]) -> dict[str, Section[AssumePermissions]]:
    documents = {arn: whole(section) for arn, section in policies.items()}
    return {
        arn: section
        if isinstance(section, Missing)
        else Known(permissions_in(section.value.values(), allowed_actions(section.value.values())))
        for arn, section in documents.items()
    }


def boundaries(source: Source) -> dict[str, Section[Document]]:
    """Return the documents of the permissions boundaries by ARN. Each is read once for all roles."""
    return _ceilings(source.clients.iam, {**source.value("roles"), **known_or(source.before("target_roles"), {})})


def _ceilings(iam: Iam, roles: Mapping[str, Section[Role | None]]) -> dict[str, Section[Document]]:
    arns = {role.permissions_boundary_arn for role in _existing(roles).values() if role.permissions_boundary_arn}
    return {arn: section_of(answer) for arn, answer in iam.get_managed_documents(sorted(arns))}


def _existing(roles: Mapping[str, Section[Role | None]]) -> dict[str, Role]:
    return {arn: role for arn, section in roles.items() if (role := known_or(section, None)) is not None}


def bounded(source: Source) -> dict[str, Section[bool]]:
    """Return role ARN -> whether its permissions boundary may leave any of its permissions, for roles with a
    boundary."""
    permissions: Mapping[str, Section[AssumePermissions]] = source.value("assume_permissions")
    ceilings: Mapping[str, Section[Document]] = source.value("boundaries")
    sections: dict[str, Section[bool]] = {}
    for arn, role in _existing(source.value("roles")).items():
        if not role.permissions_boundary_arn:
            continue
        own, ceiling = permissions.get(arn, NOT_READ), ceilings.get(role.permissions_boundary_arn, NOT_READ)
        if isinstance(ceiling, Missing):
            sections[arn] = ceiling
        elif isinstance(own, Missing):
            sections[arn] = own
        else:
            # role-no-permissions reports a role without any permission
            sections[arn] = Known(not own.value.allows or allows_any_action(own.value.allows, ceiling.value))
    return sections


def cni_permissions(source: Source) -> dict[str, Section[tuple[Decision, ...]]]:
    """Return node role ARN -> decisions on an action of the VPC CNI; empty if the CNI has no association. It does not
    run on nodes of Auto Mode."""
    if not any((a.namespace, a.service_account) == CNI_ACCOUNT for a in source.associations):
        return {}
    roles = node_roles(source.cluster, source.value("node_groups"))
    action = CNI_ACTIONS.get(source.cluster.ip_family, CNI_ACTIONS["ipv4"])
    return {
        arn: attempt(partial(source.clients.iam.simulate, arn, (action,)))
        for arn, users in roles.items()
        if users != (AUTO_MODE,)
    }


def node_role_policies(source: Source) -> dict[str, Section[PolicyNames]]:
    return _by_role(_all_node_roles(source), source.clients.iam.get_names_of_policies)


def node_role_allowed(source: Source) -> dict[str, Section[Decision]]:
    return {arn: _may_redeem(source, arn) for arn in _all_node_roles(source)}


def _all_node_roles(source: Source) -> tuple[str, ...]:
    """Return the roles of nodes; none if the node groups could not be read."""
    groups, others = source.before("node_groups"), source.before("other_node_roles")
    if isinstance(groups, Missing):
        return ()
    return tuple(dict.fromkeys((*node_roles(source.cluster, groups.value), *known_or(others, {}))))


def _may_redeem(source: Source, role_arn: str) -> Section[Decision]:
    decisions = attempt(lambda: source.clients.iam.simulate(role_arn, (REDEEM,), (source.cluster.arn,)))
    if isinstance(decisions, Missing):
        return decisions
    decision = next((item for item in decisions.value if not item.allowed), next(iter(decisions.value), None))
    if decision is None:
        return Missing("the simulation returned no decision", error_code="UnreadableAnswer")
    if decision.missing_context_keys and not decision.allowed:
        return Missing(undecided(decision.missing_context_keys))
    return Known(decision)


def _by_role(
    arns: Iterable[str], read: Callable[[Sequence[str]], Iterable[tuple[str, V | PodidError]]]
) -> dict[str, Section[V]]:
    """Return role ARN -> the result of `read` for the role's name; an invalid role ARN is missing."""
    names: dict[str, list[str]] = defaultdict(list)
    sections: dict[str, Section[V]] = {}
    for arn in dict.fromkeys(arns):
        try:
            names[parse_role_arn(arn).resource_name].append(arn)
        except InvalidInput as error:
            sections[arn] = missing(error)
    for name, answer in read(sorted(names)):
        sections |= dict.fromkeys(names[name], section_of(answer))
    return sections


def other_node_roles(source: Source) -> dict[str, tuple[str, ...]]:
    """Return role ARN -> nodes, by the nodes' instances, else by Karpenter's node classes, else by access entries. An
    access entry counts if it is the only one of its kind left and aws-auth is not used: with aws-auth, the role may
    belong to other nodes."""
    nodes, groups = source.before("nodes"), source.before("node_groups")
    if isinstance(nodes, Missing) or isinstance(groups, Missing):
        return {}
    remaining = unaccounted(nodes.value, groups.value)
    role_of, failure = _instance_roles(source, [node for node in remaining if node.compute_type != "hybrid"])
    role_of |= _class_roles(source, [node for node in remaining if node.name not in role_of])
    lacking = [node for node in remaining if node.name not in role_of]
    if lacking and source.cluster.authentication_mode == "API":
        taken = {*node_roles(source.cluster, groups.value), *role_of.values()}
        try:
            role_of |= _entry_roles(source, lacking, taken)
        except PodidError as error:
            raise failure or error from None
    if failure is not None and any(node.name not in role_of and node.compute_type != "hybrid" for node in lacking):
        raise failure
    arns = sorted(set(role_of.values()))
    return {arn: tuple(sorted(node for node, role in role_of.items() if role == arn)) for arn in arns}


def _entry_roles(source: Source, nodes: Sequence[Node], taken: Collection[str]) -> dict[str, str]:
    """Return node -> the only role, not in `taken`, that an access entry allows to join nodes of its kind."""
    entries = source.clients.eks.list_access_entries(source.cluster.name)
    role_of: dict[str, str] = {}
    for kind in ("EC2_LINUX", "HYBRID_LINUX"):
        arns = [entry.principal_arn for entry in entries if entry.kind == kind and entry.principal_arn not in taken]
        if len(arns) == 1:
            hybrid = kind == "HYBRID_LINUX"
            role_of |= {node.name: arns[0] for node in nodes if (node.compute_type == "hybrid") is hybrid}
    return role_of


def _instance_roles(source: Source, nodes: Sequence[Node]) -> tuple[dict[str, str], PodidError | None]:
    """Return node -> the ARN of its instance's role, and the error if it could not be read."""
    instances = {node.instance_id: node.name for node in nodes if node.instance_id}
    if not instances:
        return {}, None
    try:
        listed = source.clients.aws.ec2.list_instances(tuple(instances))
        arns = {instance.profile_arn for instance in listed.values() if instance.profile_arn}
        roles = {arn: source.clients.iam.find_profile_role(arn.rpartition("/")[2]) for arn in sorted(arns)}
    except PodidError as error:
        return {}, error
    known = {instances[item.id]: roles.get(item.profile_arn, "") for item in listed.values() if item.id in instances}
    return {name: role for name, role in known.items() if role}, None


def node_classes(source: Source) -> tuple[NodeClass, ...]:
    """Return Karpenter's node classes, if nodes name one."""
    nodes = source.before("nodes")
    named = isinstance(nodes, Known) and any(NODE_CLASS_LABEL in node.labels for node in nodes.value)
    return source.kube.list_node_classes() if named else ()


def _class_roles(source: Source, nodes: Sequence[Node]) -> dict[str, str]:
    """Return node -> the ARN of the role in its EC2NodeClass; nothing if it cannot be read."""
    of_class = {node.name: node.labels.get(NODE_CLASS_LABEL, "") for node in nodes}
    classes = {node_class.name: node_class for node_class in known_or(source.before("node_classes"), ())}
    try:
        arns = {name: _role_of_class(source, classes[name]) for name in set(of_class.values()) & classes.keys()}
    except PodidError:
        return {}
    return {node: arn for node, name in of_class.items() if (arn := arns.get(name, ""))}


def _role_of_class(source: Source, node_class: NodeClass) -> str:
    """Return the ARN of the node class's role. It names the role without its path; if IAM cannot be read, no path is
    assumed."""
    if not node_class.role:
        return source.clients.iam.find_profile_role(node_class.instance_profile) if node_class.instance_profile else ""
    try:
        role = source.clients.iam.find_role(node_class.role)
    except PodidError:
        role = None
    return role.arn if role else f"arn:{source.cluster.partition}:iam::{source.cluster.account}:role/{node_class.role}"
