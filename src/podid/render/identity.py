"""One service account: association, trust policy, permissions, target role, and the credentials of its pods."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from podid.domain.aws import Association
from podid.domain.cloudtrail import LastUse
from podid.domain.cluster import ServiceAccount
from podid.domain.grouping import grouped
from podid.domain.members import FLAT, OR_NULL, About, ArnText, Document, From, TextOrNull, schema_name
from podid.domain.policy.escalation import Escalation
from podid.domain.section import Unread
from podid.domain.snapshot import Known, Missing, Section
from podid.domain.status import ContainerUse, CredentialSource
from podid.domain.text import count_of, short_list, utc
from podid.domain.trust import Evaluation, TrustFinding, TrustVerdict
from podid.facts.second_hop import SecondHop
from podid.ops.association.identity import IdentityReading
from podid.ops.status.facts import PodUse
from podid.render.access import privilege_lines
from podid.render.associations import USUAL, association_facts, association_table
from podid.render.marks import SOURCES
from podid.render.roles import VERDICTS, RolePermissions, last_used, permission_lines, permissions_of
from podid.render.status import IdentityStatusBody, evidence_lines, gap_lines, gap_sentences, status_view, verdict_lines
from podid.render.trust import TrustBody
from podid.render.view import Line, View, age, document, facts


def identity_view(reading: IdentityReading, now: datetime) -> View:
    """Return the status, then the association and the data about its service account; without an association an
    IdentityStatus. Values that could not be read are null, or unknown."""
    status, association = reading.status, reading.association
    evidence, shown = ((), "") if (cause := status.cause) is None else (evidence_lines(cause), cause.reason)
    if association is None:
        view = status_view((status,), single=True)
        lines = [*verdict_lines(status, evidence), *gap_lines((status,)), *_pod_lines(reading.pods, shown)]
        return replace(view, lines=tuple(lines), unread=gaps_of(reading))
    role = reading.permissions.value.role if isinstance(reading.permissions, Known) else None
    pairs = [*association_facts(association, now), ("in Kubernetes", _account_words(reading.account, shown))]
    if isinstance(reading.trust, Missing):
        missing = reading.trust
        pairs.append(("trust policy", missing.reason if missing.error_code == "NotFound" else _unknown(missing)))
    else:
        pairs.append(("trust policy", _trust_words(reading.trust.value)))
    if role is not None:
        pairs.append(("role used", last_used(role, now)))
    elif isinstance(reading.permissions, Missing) and reading.permissions.error_code != "NotFound":
        pairs.append(("role used", _unknown(reading.permissions)))
    if reading.last_use is not None:
        pairs.append(("last use", _last_use_words(reading.last_use, now)))
    if reading.hop is not None:
        pairs += _second_hop_facts(reading.hop)
    usual = [*USUAL, ("service account", str(association.ref)), ("association", association.association_id)]
    if association.modified_at == association.created_at:
        usual.append(("modified", utc(association.modified_at)))
    lines = [*verdict_lines(status, evidence), *gap_lines((status,)), "", *facts(pairs, usual)]
    lines += [*_permission_lines(reading), *_pod_lines(reading.pods, shown)]
    return View(
        document(AssociationDocument, reading),
        (association_table(association, now),),
        (str(association.ref),),
        tuple(lines),
        unread=gaps_of(reading),
    )


def gaps_of(reading: IdentityReading) -> tuple[str, ...]:
    """Return a sentence for each part that could not be read."""
    target = reading.hop.unknowns if reading.hop is not None else ()
    parts = (*reading.unread, *(Unread("the target role", gap.reason, gap.permission) for gap in target))
    return (*gap_sentences((reading.status,)), *dict.fromkeys(f"not checked: {item}" for item in parts))


def _last_use_words(section: Section[LastUse], now: datetime) -> str:
    if isinstance(section, Missing):
        return _unknown(section)
    session = section.value.session
    if session is None:
        return f"none in CloudTrail in the last {age(section.value.since, now)}"
    if session.pod:
        return f"{age(session.at, now)} ago by pod {session.pod} (CloudTrail)"
    return (
        f"{age(session.at, now)} ago in this cluster; without session tags CloudTrail does not name the service account"
    )


def _account_words(account: Section[ServiceAccount | None], shown: str) -> str:
    if isinstance(account, Missing):
        return _unknown(account, shown)
    if account.value is None:
        return "does not exist"
    irsa = account.value.irsa_role_arn
    return f"exists, annotated for IRSA with {irsa}" if irsa else "exists"


def _pod_lines(pods: Section[tuple[PodUse, ...]], shown: str) -> Iterator[str | Line]:
    if isinstance(pods, Missing):
        yield Line(f"Pods {_unknown(pods, shown)}", "dim")
        return
    if not pods.value:
        yield "No running pods"
    for workload, uses in grouped((use.workload, use) for use in pods.value).items():
        stale = [use.pod.name for use in uses if use.stale]
        yield f"{workload.kind} {workload.name}: {count_of(len(uses), 'pod')}"
        if stale:
            yield Line(f"  stale: {short_list(stale)}", "warn")
        alike = grouped((item, use.pod.name) for use in uses for item in use.containers)
        for item, names in alike.items():
            which = "" if len(names) == len(uses) else f" of {short_list(names)}"
            container = f"init container {item.container}" if item.init else item.container
            yield Line(f"  {container}{which}: {_use_words(item)}", _style(item))


def _use_words(item: ContainerUse) -> str:
    """Return text such as `uses access keys of its own (AWS_ACCESS_KEY_ID) before Pod Identity`."""
    winner = item.candidates[len(item.unless)]
    words = f"uses {_source(winner.source)}" + (f" ({winner.detail})" if winner.detail else "")
    if item.unless:
        words += ", unless " + " or ".join(f"{_source(source.source)} ({source.detail})" for source in item.unless)
    omitted = (CredentialSource.NODE_ROLE, CredentialSource.NONE, item.uses)
    over = [source.source for source in item.unused if source.source not in omitted]
    return words + (f" before {', '.join(map(_source, over))}" if over else "")


def _source(source: CredentialSource) -> str:
    """Return the words for one container; those of SOURCES are for several pods."""
    return SOURCES[source].replace("of their own", "of its own")


def _style(item: ContainerUse) -> str:
    if item.uses is not CredentialSource.POD_IDENTITY:
        return "bad"
    return "good" if item.certain else "warn"


def _permission_lines(reading: IdentityReading) -> Sequence[str | Line]:
    permissions = reading.permissions
    if isinstance(permissions, Missing):
        return [] if permissions.error_code == "NotFound" else [f"permissions: {_unknown(permissions)}"]
    of_pods = reading.privileges
    parts = dict.fromkeys((*permissions.value.unread, *(of_pods.access.unread if of_pods is not None else ())))
    unread = [f"permissions not checked: {item}" for item in parts]
    lines = permission_lines(permissions.value)
    privileges = privilege_lines(of_pods) if of_pods is not None else []
    return [*lines, *privileges, *unread] if lines or unread else ["permissions: none"]


def _second_hop_facts(hop: SecondHop) -> list[tuple[str, str]]:
    """Return whether the role of the association can assume the target role: permission and trust policy."""
    pairs = [("role chaining", VERDICTS[hop.verdict])]
    if hop.decisions:
        pairs.append(("permission", "; ".join(f"{item.action} {item.decision}" for item in hop.decisions)))
    if hop.permissions_unknown is not None:
        pairs.append(("permission", _unknown(hop.permissions_unknown)))
    if hop.evaluation is not None:
        pairs.append(("target trust policy", _actions(hop.evaluation)))
    if hop.trust_unknown is not None:
        pairs.append(("target trust policy", _unknown(hop.trust_unknown)))
    return pairs


def _actions(evaluation: Evaluation) -> str:
    return "; ".join(f"{item.action} {item.verdict}" for item in evaluation.actions)


def _trust_words(evaluation: Evaluation) -> str:
    scope = f" ({evaluation.scope.words})" if evaluation.scope is not None else ""
    if evaluation.verdict is TrustVerdict.MATCH:
        return f"allows the service account to assume the role{scope}"
    return f"{_actions(evaluation)}{scope}"


def _unknown(item: Missing, shown: str = "") -> str:
    """Return the missing permission alone; JSON has the reason as well. A reason `shown` already is omitted."""
    if item.reason == shown and not item.permission:
        return "not checked"
    return f"not checked: {f'needs {item.permission}' if item.permission else item.reason}"


class SecondHopBody(Document):
    target_role_arn: ArnText
    external_id: Annotated[
        str | None, From("association.external_id"), About("The value of sts:ExternalId that EKS sends.")
    ]
    verdict: Annotated[
        TrustVerdict, About("The verdict on the role's permission and the target role's trust policy together.")
    ]
    permissions: Annotated[
        Mapping[str, str],
        OR_NULL,
        From(lambda hop: {item.action: item.decision for item in hop.decisions}),
        About("Action -> decision of the IAM policy simulator for the role; null if it was not simulated."),
    ]
    trust: Annotated[
        TrustBody | None,
        From("evaluation"),
        About("The trust policy of the target role; null if the role does not exist or could not be read."),
    ]
    findings: Annotated[Sequence[TrustFinding], About("Problems, by failure mode.")]
    unknowns: Sequence[Missing]


@schema_name("AccountBody")
@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The service account in Kubernetes."""

    exists: bool
    created_at: datetime | None
    irsa_role_arn: Annotated[str | None, About("The role in the IRSA annotation; null without one.")]


def _account(reading: IdentityReading) -> AccountFacts | None:
    if isinstance(reading.account, Missing):
        return None
    if (account := reading.account.value) is None:
        return AccountFacts(False, None, None)
    return AccountFacts(True, account.created_at, account.irsa_role_arn or None)


class WorkloadNameBody(Document):
    kind: str
    name: str


class PodUseBody(Document):
    name: Annotated[str, From("pod.name")]
    workload: Annotated[WorkloadNameBody, About("The top-level owner; the pod itself if it has none.")]
    node: Annotated[TextOrNull, From("pod.node")]
    phase: Annotated[str, From("pod.phase")]
    stale: Annotated[bool, About("Whether its state is stale: a restart gives it the credentials.")]
    containers: Sequence[ContainerUse]


class LastUseBody(Document):
    """The last session of a pod of the service account in CloudTrail."""

    at: Annotated[datetime | None, From("session.at"), About("null if there is no session since `since`.")]
    since: Annotated[datetime | None, About("The start of the searched period.")]
    pod: Annotated[
        str,
        OR_NULL,
        From("session.pod"),
        About("null if the association sends no session tags: then the session may be another service account's."),
    ]
    session_name: Annotated[str | None, From("session.session_name")]
    packed_percent: Annotated[
        int | None,
        From("session.packed_percent"),
        About("The used percentage of the size limit for session tags and session policy."),
    ]


class AssociationDocument(Document, kind="Association"):
    """`podid show`: the association, and everything about its service account: the trust policies and permissions of
    its roles, and the credentials of its pods."""

    association: Annotated[Association, FLAT]
    status: IdentityStatusBody
    trust: Annotated[TrustBody | None, About("null if the role does not exist or could not be read.")]
    permissions: Annotated[
        Sequence[RolePermissions] | None,
        From(lambda shown: permissions_of(shown.permissions.value) if isinstance(shown.permissions, Known) else None),
        About("The permissions of the role in words; null if they could not be read."),
    ]
    escalations: Annotated[
        Sequence[Escalation] | None,
        From("privileges.escalations"),
        About("Privilege escalation paths of the pods' role; null if the policies were not read."),
    ]
    role_last_used_at: Annotated[
        datetime | None,
        From("permissions.role.last_used_at"),
        About("The last use by any principal; null if IAM reports none or the role was not read."),
    ]
    second_hop: Annotated[
        SecondHopBody | None,
        From("hop"),
        About("Whether the role can assume the target role; null without a target role."),
    ]
    account: Annotated[
        AccountFacts | None, From(_account), About("The service account; null if the cluster could not be read.")
    ]
    pods: Annotated[Sequence[PodUseBody] | None, About("Running pods; null if they could not be listed.")]
    last_use: Annotated[LastUseBody | None, About("null without --cloudtrail, and if CloudTrail could not be read.")]
    unknowns: Annotated[Sequence[Unread], From("unread")]
