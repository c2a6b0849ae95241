"""One service account on one screen: association, trust, policies, second hop, and what its pods use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from podid.domain.cloudtrail import LastUse
from podid.domain.cluster import ServiceAccount
from podid.domain.credentials import ContainerUse, CredentialSource
from podid.domain.snapshot import Known, Missing, Section
from podid.domain.text import count_of, short_list
from podid.domain.trust import Evaluation
from podid.facts.second_hop import SecondHop
from podid.ops.association.identity import IdentityReading
from podid.ops.status.facts import PodUse
from podid.render.associations import association_body, association_facts, association_table, facts
from podid.render.roles import last_used, permission_bodies, permission_lines
from podid.render.status import status_body, status_view, verdict_lines
from podid.render.trust import finding_bodies, trust_body
from podid.render.view import Line, View, age, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import access as documents


def identity_view(found: IdentityReading, now: datetime) -> View:
    """The status, then the association with everything about its service account. Without an association an
    IdentityStatus. Null, or unknown, is what could not be read."""
    status, association = found.status, found.association
    if association is None:
        view = status_view((status,), single=True)
        return replace(view, lines=(*verdict_lines(status), *_pod_lines(found.pods)))
    evaluation = found.trust.value if isinstance(found.trust, Known) else None
    permissions = found.permissions
    role = permissions.value.role if isinstance(permissions, Known) else None
    body: documents.AssociationDocument = {
        "kind": "Association",
        **association_body(association),
        "status": status_body(status),
        "trust": None if evaluation is None else trust_body(evaluation),
        "permissions": permission_bodies(permissions.value) if isinstance(permissions, Known) else None,
        "roleLastUsedAt": None if role is None else timestamp(role.last_used_at),
        "secondHop": None if found.hop is None else _second_hop_body(found.hop),
        "account": _account_body(found.account),
        "pods": [_pod_body(use) for use in found.pods.value] if isinstance(found.pods, Known) else None,
        "lastUse": _last_use_body(found.last_use.value) if isinstance(found.last_use, Known) else None,
        "unknowns": list(_unknowns(found)),
    }
    pairs = [*association_facts(association, now), ("in Kubernetes", _account_words(found.account))]
    if isinstance(found.trust, Missing):
        pairs.append(("trust", found.trust.reason if found.trust.error_code == "NotFound" else _unknown(found.trust)))
    else:
        pairs.append(("trust", _actions(found.trust.value)))
        if found.trust.value.scope is not None:
            pairs.append(("scope", found.trust.value.scope.words))
    if role is not None:
        pairs.append(("role used", last_used(role, now)))
    elif isinstance(found.permissions, Missing) and found.permissions.error_code != "NotFound":
        pairs.append(("role used", _unknown(found.permissions)))
    if found.last_use is not None:
        pairs.append(("last use", _last_use_words(found.last_use, now)))
    if found.hop is not None:
        pairs += _second_hop_facts(found.hop)
    lines: list[str | Line] = [*verdict_lines(status), "", *facts(pairs), *_permission_lines(found)]
    lines += _pod_lines(found.pods)
    return View(document(body), (association_table(association, now),), (str(association.ref),), tuple(lines))


def _last_use_body(found: LastUse) -> documents.LastUseBody:
    session = found.session
    return {
        "at": None if session is None else timestamp(session.at),
        "since": timestamp(found.since),
        "pod": None if session is None else session.pod or None,
        "sessionName": None if session is None else session.session_name,
        "packedPercent": None if session is None else session.packed_percent,
    }


def _last_use_words(found: Section[LastUse], now: datetime) -> str:
    if isinstance(found, Missing):
        return _unknown(found)
    session = found.value.session
    if session is None:
        return f"none in the {age(found.value.since, now)} that CloudTrail was asked for"
    if session.pod:
        return f"{age(session.at, now)} ago by pod {session.pod}, as CloudTrail tells"
    return f"{age(session.at, now)} ago in this cluster; without session tags CloudTrail names no service account"


# --- the service account and its pods ---------------------------------------------------------------------------------


def _account_body(account: Section[ServiceAccount | None]) -> documents.AccountBody | None:
    if isinstance(account, Missing):
        return None
    known = account.value
    return {
        "exists": known is not None,
        "createdAt": None if known is None else timestamp(known.created_at),
        "irsaRoleArn": None if known is None else known.irsa_role_arn or None,
    }


def _account_words(account: Section[ServiceAccount | None]) -> str:
    if isinstance(account, Missing):
        return _unknown(account)
    if account.value is None:
        return "it does not exist"
    irsa = account.value.irsa_role_arn
    return f"it exists; its annotation for IRSA names {irsa}" if irsa else "it exists"


def _pod_body(use: PodUse) -> documents.PodUseBody:
    return {
        "name": use.pod.name,
        "workload": {"kind": use.workload.kind, "name": use.workload.name},
        "node": use.pod.node or None,
        "phase": use.pod.phase,
        "stale": use.stale,
        "containers": [
            {
                "name": item.container,
                "uses": item.uses,
                "certain": item.certain,
                "sources": [
                    {"source": one.source, "certain": one.certain, "detail": one.detail or None}
                    for one in item.candidates
                ],
            }
            for item in use.containers
        ],
    }


def _pod_lines(pods: Section[tuple[PodUse, ...]]) -> Iterator[str | Line]:
    if isinstance(pods, Missing):
        yield f"pods: {_unknown(pods)}"
        return
    if not pods.value:
        yield "pods: none is running"
    for workload, its in groupby(pods.value, lambda use: use.workload):
        uses = list(its)
        stale = [use.pod.name for use in uses if use.stale]
        yield f"{workload.kind} {workload.name}: {count_of(len(uses), 'pod')}"
        if stale:
            yield Line(f"  stale: {short_list(stale)}", "warn")
        for item, names in _alike(uses).items():
            which = "" if len(names) == len(uses) else f" of {short_list(names)}"
            yield Line(f"  {item.container}{which}: {_use_words(item)}", _style(item))


def _alike(uses: list[PodUse]) -> dict[ContainerUse, list[str]]:
    """What the containers use -> the pods in which they do."""
    found: dict[ContainerUse, list[str]] = {}
    for use in uses:
        for item in use.containers:
            found.setdefault(item, []).append(use.pod.name)
    return found


def _use_words(item: ContainerUse) -> str:
    """`uses static-keys (AWS_ACCESS_KEY_ID), before pod-identity`."""
    winner = item.candidates[len(item.unless)]
    words = f"uses {winner.source}" + (f" ({winner.detail})" if winner.detail else "")
    if item.unless:
        words += ", unless " + " or ".join(f"{one.source} ({one.detail})" for one in item.unless)
    over = [one.source for one in item.passed_over if one.source not in (CredentialSource.NODE_ROLE, item.uses)]
    over = [source for source in over if source is not CredentialSource.NONE]
    return words + (f"; passes over {', '.join(over)}" if over else "")


def _style(item: ContainerUse) -> str:
    if item.uses is not CredentialSource.POD_IDENTITY:
        return "bad"
    return "good" if item.certain else "warn"


# --- the roles --------------------------------------------------------------------------------------------------------


def _permission_lines(found: IdentityReading) -> list[str]:
    permissions = found.permissions
    if isinstance(permissions, Missing):
        return [] if permissions.error_code == "NotFound" else [f"permissions: {_unknown(permissions)}"]
    unread = [f"permissions not checked: {item}" for item in permissions.value.unread]
    lines = permission_lines(permissions.value)
    return [*lines, *unread] if lines or unread else ["permissions: none"]


def _unknowns(found: IdentityReading) -> Iterator[documents.UnreadBody]:
    sections = (
        ("the role's policies", found.permissions),
        ("the service account", found.account),
        ("the pods", found.pods),
        ("the last use", found.last_use),
    )
    for what, section in sections:
        if isinstance(section, Missing):
            yield {"what": what, "reason": section.reason, "permission": section.permission or None}
    if isinstance(found.permissions, Known):
        for item in found.permissions.value.unread:
            yield {"what": item.what, "reason": item.reason, "permission": item.permission or None}


def _second_hop_body(hop: SecondHop) -> documents.SecondHopBody:
    evaluation, rights = hop.evaluation, {item.action: item.decision for item in hop.decisions}
    return {
        "targetRoleArn": hop.target_role_arn,
        "externalId": hop.association.external_id,
        "verdict": hop.verdict,
        "permissions": rights or None,
        "trust": None if evaluation is None else trust_body(evaluation),
        "findings": finding_bodies(hop.findings),
        "unknowns": [{"reason": item.reason, "permission": item.permission or None} for item in hop.unknowns],
    }


def _second_hop_facts(hop: SecondHop) -> list[tuple[str, str]]:
    """What the association's role may do on the target role, and what that role's trust says to it."""
    pairs = [("second hop", str(hop.verdict))]
    if hop.decisions:
        pairs.append(("permission", "; ".join(f"{item.action} {item.decision}" for item in hop.decisions)))
    if hop.rights_unknown is not None:
        pairs.append(("permission", _unknown(hop.rights_unknown)))
    if hop.evaluation is not None:
        pairs.append(("target trust", _actions(hop.evaluation)))
    if hop.trust_unknown is not None:
        pairs.append(("target trust", _unknown(hop.trust_unknown)))
    return pairs


def _actions(found: Evaluation) -> str:
    return "; ".join(f"{item.action} {item.verdict}" for item in (found.assume_role, found.tag_session))


def _unknown(item: Missing) -> str:
    """The missing right alone: in JSON it has its reason beside it."""
    return f"not checked: {f'needs {item.permission}' if item.permission else item.reason}"
