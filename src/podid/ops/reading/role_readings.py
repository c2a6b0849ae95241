"""How sections about roles are read: the roles themselves, their policies, and what IAM's simulator says of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial

from podid.domain.aws import Decision, Role
from podid.domain.errors import InvalidInput, PodidError
from podid.domain.iam import AssumeRights, PolicyNames, allowed_actions, leaves_something
from podid.domain.iam import assume_rights as rights_in
from podid.domain.names import parse_role_arn, role_name
from podid.domain.permissions import undecided
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, attempt, known_or, missing, section_of
from podid.domain.trust import ACTIONS
from podid.facts.nodes import REDEEM, node_roles
from podid.facts.second_hop import elsewhere
from podid.ops.reading.source import Source

# what the CNI does all the time, and AmazonEKS_CNI_Policy allows
CNI_ACTION = "ec2:AssignPrivateIpAddresses"
CNI_ACCOUNT = ("kube-system", "aws-node")


def roles(source: Source) -> dict[str, Section[Role | None]]:
    return _read_roles(source, (a.role_arn for a in source.associations))


def target_roles(source: Source) -> dict[str, Section[Role | None]]:
    """Those of the cluster's account; only credentials of its own can read one of another account."""
    roles: dict[str, Section[Role | None]] = {}
    nearby = []
    for arn in dict.fromkeys(a.target_role_arn for a in source.associations if a.target_role_arn):
        found = attempt(partial(elsewhere, arn, source.cluster))
        if isinstance(found, Missing):
            roles[arn] = found
        elif found.value is not None:
            roles[arn] = found.value
        else:
            nearby.append(arn)
    return roles | (_read_roles(source, nearby) if nearby else {})


def chained_roles(source: Source) -> dict[str, Section[Role | None]]:
    """The roles of the cluster's account that associations' roles name as ones to go on to by themselves."""
    rights = source.value("assume_rights").values()
    named = dict.fromkeys(arn for each in rights if isinstance(each, Known) for arn in each.value.roles)
    account = f":iam::{source.cluster.account}:"
    return _read_roles(source, (arn for arn in named if account in arn))


def target_rights(source: Source) -> dict[tuple[str, str], Section[tuple[Decision, ...]]]:
    pairs = dict.fromkeys((a.role_arn, a.target_role_arn) for a in source.associations if a.target_role_arn)
    found = source.iam.simulate_pairs(tuple(pairs), ACTIONS)
    return {pair: section_of(decisions) for pair, decisions in found}


def role_policies(source: Source) -> dict[str, Section[PolicyNames]]:
    named, odd = _role_names(a.role_arn for a in source.associations)
    answers: dict[str, Section[PolicyNames]] = dict(odd)
    for name, answer in source.iam.get_names_of_policies(sorted(named)):
        answers |= dict.fromkeys(named[name], section_of(answer))
    return answers


def assume_rights(source: Source) -> dict[str, Section[AssumeRights]]:
    """Role ARN -> what its policies say of going on; a managed policy is read once however many roles have it."""
    names: Mapping[str, Section[PolicyNames]] = source.value("role_policies")
    known = {arn: section.value for arn, section in names.items() if isinstance(section, Known)}
    pairs = [(role_name(arn), policy) for arn, each in known.items() for policy in each.inline]
    inline = dict(source.iam.get_inline_documents(sorted(set(pairs))))
    managed = dict(source.iam.get_managed_documents(sorted({arn for each in known.values() for arn in each.attached})))
    found: dict[str, Section[AssumeRights]] = {
        arn: section for arn, section in names.items() if isinstance(section, Missing)
    }
    for arn, each in known.items():
        role = role_name(arn)
        answers = [inline.get((role, policy)) for policy in each.inline]
        answers += [managed.get(policy) for policy in each.attached]
        failed = next((answer for answer in answers if isinstance(answer, PodidError)), None)
        documents = [answer for answer in answers if isinstance(answer, Mapping)]
        found[arn] = missing(failed) if failed is not None else Known(rights_in(documents, allowed_actions(documents)))
    return found


def bounded(source: Source) -> dict[str, Section[bool]]:
    """Role ARN -> whether its permissions boundary may leave anything of what its policies allow; of roles that have
    one. What `assume_rights` has read is not read again."""
    rights: Mapping[str, Section[AssumeRights]] = source.value("assume_rights")
    having = {
        arn: role.permissions_boundary_arn
        for arn, section in source.value("roles").items()
        if (role := known_or(section, None)) is not None and role.permissions_boundary_arn
    }
    ceilings = dict(source.iam.get_managed_documents(sorted(set(having.values()))))
    found: dict[str, Section[bool]] = {}
    for arn, boundary in having.items():
        own, ceiling = rights.get(arn, NOT_READ), section_of(ceilings[boundary])
        if isinstance(ceiling, Missing):
            found[arn] = ceiling
        elif isinstance(own, Missing):
            found[arn] = own
        else:
            # one without any permission is role-no-permissions
            found[arn] = Known(not own.value.allows or leaves_something(own.value.allows, ceiling.value))
    return found


def cni_rights(source: Source) -> dict[str, Section[tuple[Decision, ...]]]:
    """Node role ARN -> whether it may do what the VPC CNI does; asked only where the CNI has a role of its own."""
    if not any((a.namespace, a.service_account) == CNI_ACCOUNT for a in source.associations):
        return {}
    roles = node_roles(source.cluster, source.value("node_groups"))
    return {arn: attempt(partial(source.iam.simulate, arn, (CNI_ACTION,))) for arn in roles}


def node_role_allowed(source: Source) -> dict[str, Section[Decision]]:
    groups, others = source.before("node_groups"), source.before("other_node_roles")
    if isinstance(groups, Missing):
        return {}
    arns = dict.fromkeys((*node_roles(source.cluster, groups.value), *known_or(others, {})))
    return {arn: _may_redeem(source, arn) for arn in arns}


def _may_redeem(source: Source, role_arn: str) -> Section[Decision]:
    decisions = attempt(lambda: source.iam.simulate(role_arn, (REDEEM,), (source.cluster.arn,)))
    if isinstance(decisions, Missing):
        return decisions
    decision = next((each for each in decisions.value if not each.allowed), next(iter(decisions.value), None))
    if decision is None:
        return Missing("the simulation gave no answer", error_code="UnreadableAnswer")
    if decision.missing_context_keys and not decision.allowed:
        return Missing(undecided(decision.missing_context_keys))
    return Known(decision)


def _read_roles(source: Source, arns: Iterable[str]) -> dict[str, Section[Role | None]]:
    named, odd = _role_names(arns)
    roles: dict[str, Section[Role | None]] = dict(odd)
    for name, role in source.iam.find_roles(sorted(named)):
        roles |= dict.fromkeys(named[name], section_of(role))
    return roles


def _role_names(arns: Iterable[str]) -> tuple[Mapping[str, list[str]], Mapping[str, Missing]]:
    """Role name -> the ARNs that are called so, and what is no role ARN at all."""
    names: dict[str, list[str]] = defaultdict(list)
    odd: dict[str, Missing] = {}
    for arn in dict.fromkeys(arns):
        try:
            names[parse_role_arn(arn).resource_name].append(arn)
        except InvalidInput as error:
            odd[arn] = missing(error)
    return names, odd
