"""Roles as documents and as text: trust policy, permissions and associations. Presets in words, and as policies."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Annotated, Literal

from podid.domain import trust
from podid.domain.aws import AttachedPolicy, Role
from podid.domain.encoding import JsonObject, encode, timestamp
from podid.domain.errors import InvalidInput
from podid.domain.iam import policy_words
from podid.domain.members import (
    FLAT,
    OR_NULL,
    About,
    Argv,
    ArnText,
    Document,
    From,
    Names,
    PolicyObject,
    ServiceAccounts,
    list_of,
    schema_name,
)
from podid.domain.section import Unread
from podid.domain.status import IdentityStatus
from podid.domain.text import count_of, short_list, utc
from podid.ops.role.presets import Choice, Parameter, Preset, fill
from podid.ops.role.read import PodRole, PodRoles, RoleFinding, RoleReading
from podid.ops.role.uses import RoleUse, used_words
from podid.render.marks import SEVERITIES, marked, state_word
from podid.render.status import IdentityStatusBody, because, gap_lines, gap_sentences
from podid.render.trust import TrustBody
from podid.render.view import NOTHING, Column, Line, Table, View, age, document, facts, sentence, table_of

# of a trust policy
VERDICTS = {
    trust.TrustVerdict.MATCH: "allowed",
    trust.TrustVerdict.NO_MATCH: "not allowed",
    trust.TrustVerdict.UNKNOWN: "not known",
}


@dataclass(frozen=True, slots=True)
class RolePermissions:
    """The permissions of one policy of a role in words; None if it could not be read."""

    policy_name: str
    policy_arn: ArnText | None
    kind: Annotated[
        Literal["inline", "managed", "boundary"], About("A boundary grants nothing; it limits the other policies.")
    ]
    words: Annotated[
        tuple[str, ...] | None, About("A sentence for each statement; null if the policy could not be read.")
    ]


class RoleUseBody(Document):
    evaluation: Annotated[TrustBody, FLAT]
    cluster_arn: ArnText
    namespace: Annotated[str, From("association.namespace")]
    service_account: Annotated[str, From("association.service_account")]
    association_id: Annotated[str, From("association.association_id")]
    hop: Annotated[Literal[1, 2], About("1 for the role of the association, 2 for its target role.")]
    status: Annotated[IdentityStatusBody | None, About("Status of the service account; null if it was not checked.")]


def _uses(reading: RoleReading) -> list[JsonObject] | None:
    if reading.uses is None:
        return None
    return [encode(RoleUseBody, use, status=reading.status_of(use)) for use in reading.uses]


class RoleDocument(Document, kind="Role"):
    """`podid role show`."""

    role: Annotated[Role, FLAT]
    attached_policies: Annotated[
        Sequence[AttachedPolicy] | None, From("attached"), About("null if they could not be read.")
    ]
    inline_policies: Annotated[
        Mapping[str, PolicyObject] | None, From("inline"), About("By name; null if they could not be read.")
    ]
    permissions: Annotated[
        Sequence[RolePermissions],
        From(lambda reading: permissions_of(reading)),
        About("The permissions of its policies in words."),
    ]
    access: Annotated[Sequence[str], About("The pods that can assume the role, one sentence for each scope.")]
    other_principals: Annotated[
        Sequence[str],
        From(lambda reading: _other_principals(reading.role)),
        About("Principals in the trust policy besides EKS Pod Identity."),
    ]
    findings: Annotated[Sequence[RoleFinding], About("By failure mode, worst first.")]
    used_by: Annotated[
        ServiceAccounts | None,
        From(lambda r: None if r.uses is None else list(dict.fromkeys(str(use.association.ref) for use in r.uses))),
        About("In the clusters that were read; null if none was read."),
    ]
    associations: Annotated[
        Sequence[RoleUseBody] | None,
        From(_uses),
        About("Associations with this role, each with the verdict of the trust policy; null if no cluster was read."),
    ]
    unknowns: Annotated[Sequence[Unread], From("unread")]


@schema_name("MovedOnBody")
class PresetDifferenceBody(Document):
    policy_name: Annotated[str, From("policy")]
    preset: str
    preset_has: Annotated[Names, From("more"), About("Actions and resources that only the preset has.")]
    policy_has: Annotated[Names, From("fewer"), About("Actions and resources that only the policy has.")]
    command: Annotated[
        Argv, About("The command that updates the policy, or that shows the preset if its parameters are not known.")
    ]


def _differences(item: PodRole) -> list[JsonObject] | None:
    if item.differences is None:
        return None
    role = item.role.name
    return [
        encode(PresetDifferenceBody, difference, command=difference.command(role)) for difference in item.differences
    ]


class RoleListItem(Document):
    role: Annotated[Role, FLAT]
    access: Annotated[
        str, From(lambda item: "; ".join(item.access.sentences)), About("The pods that can assume the role, in words.")
    ]
    associations: Annotated[
        int | None,
        From(lambda item: None if item.associations is None else len(item.associations)),
        About("Number of associations with it in the clusters that were read; null if none could be read."),
    ]
    refused: Annotated[int, About("The number of these that the trust policy does not allow.")]
    moved_on: Annotated[
        Sequence[PresetDifferenceBody] | None,
        From(_differences),
        About("Policies that differ from their presets; null if they could not be read."),
    ]


class ShutRoleBody(Document):
    role_name: Annotated[str, From("role.name")]
    reason: Annotated[str, From(lambda item: "; ".join(item.access.shut))]


class RoleListDocument(Document, kind="RoleList"):
    """`podid role list`: the roles that pods can assume."""

    items: Annotated[Sequence[RoleListItem], From("allowing")]
    admit_none: Annotated[
        Sequence[ShutRoleBody],
        From("shut"),
        About("Roles whose trust policies name EKS Pod Identity but allow no pod."),
    ]
    clusters: Annotated[Sequence[ArnText], About("The clusters whose associations were read.")]
    unknowns: Annotated[Sequence[Unread], From("unread")]


def role_view(reading: RoleReading, now: datetime) -> View:
    role = reading.role
    pairs = [
        ("role", role.arn),
        ("created", utc(role.created_at)),
        ("last used", last_used(role, now)),
        ("description", role.description or NOTHING),
        ("boundary", role.permissions_boundary_arn or "none"),
        ("attached", _listed(None if reading.attached is None else [item.name for item in reading.attached])),
        ("inline", _listed(reading.inline)),
    ]
    if role.owner is not None:
        pairs.append(("owner", role.owner.description))
    if role.tags:
        pairs.append(("tags", ", ".join(f"{key}={value}" for key, value in sorted(role.tags.items()))))
    usual = (("boundary", "none"), ("inline", "none"), ("attached", "none"))
    lines = [*facts(pairs, usual), *permission_lines(reading), *_uses_lines(reading), *_finding_lines(reading)]
    lines += ["trust policy allows:", *(f"  {line}" for line in reading.access)]
    lines += [Line(f"  {line}", only="full") for line in json.dumps(dict(role.trust), indent=2).splitlines()]
    lines.append(Line("  (-o wide shows the document)", "dim", only="short"))
    lines += [Line(f"Not checked: {item}", "dim") for item in reading.unread]
    # without all reads, the role may have further uses
    uses = str(len(reading.uses)) if reading.uses or (reading.uses == () and not reading.unread) else "?"
    table = _role_table([(role, "; ".join(reading.access), uses, "?")], now)
    lines += gap_lines(reading.statuses)
    unread = (*(f"not checked: {item}" for item in reading.unread), *gap_sentences(reading.statuses))
    return View(document(RoleDocument, reading), (table,), (role.name,), tuple(lines), unread=unread)


def permissions_of(reading: RoleReading) -> list[RolePermissions]:
    """Return the permissions of each policy of the role: its own, the managed ones, its boundary."""

    def words(arn: str) -> tuple[str, ...] | None:
        policy = reading.documents.get(arn)
        return None if policy is None else policy_words(policy)

    boundary = reading.role.permissions_boundary_arn
    bounds = [RolePermissions(boundary.rsplit("/", 1)[-1], boundary, "boundary", words(boundary))] if boundary else []
    return [
        *(RolePermissions(name, None, "inline", policy_words(body)) for name, body in (reading.inline or {}).items()),
        *(RolePermissions(item.name, item.arn, "managed", words(item.arn)) for item in reading.attached or ()),
        *bounds,
    ]


def permission_lines(reading: RoleReading) -> list[str]:
    """Return the permissions for a terminal, a block for each policy."""
    lines = []
    for item in permissions_of(reading):
        label = "permissions boundary" if item.kind == "boundary" else "permissions"
        words = ("unknown",) if item.words is None else item.words
        lines += [f"{label} ({item.policy_name}):", *(f"  {line}" for line in words)]
    return lines


def _other_principals(role: Role) -> tuple[str, ...]:
    try:
        return trust.other_principals(trust.parse_policy(role.trust))
    except InvalidInput:
        return ()


def _finding_lines(reading: RoleReading) -> list[str | Line]:
    """Return the findings that are not in the lines of the associations."""
    shown = {(item.id, item.message) for use in reading.uses or () for item in use.evaluation.findings}
    more = [item for item in reading.findings if (item.id, item.message) not in shown]
    return [marked(SEVERITIES[item.severity], f"{item.id}  {sentence(item.message)}", hang=2) for item in more]


def last_used(role: Role, now: datetime) -> str:
    if role.last_used_at is None:
        return "never (IAM keeps 400 days)"
    where = f" in {role.last_used_region}" if role.last_used_region else ""
    return f"{age(role.last_used_at, now)} ago{where}"


def _listed(names: Iterable[str] | None) -> str:
    return "unknown" if names is None else ", ".join(names) or "none"


def _uses_lines(reading: RoleReading) -> list[str]:
    if reading.uses is None:
        return []
    if not reading.uses:
        return ["used by: no association in the clusters that were read"]
    return ["used by:", *(line for use in reading.uses for line in _use_lines(use, reading.status_of(use)))]


def _reason(status: IdentityStatus) -> str:
    return status.cause.reason if status.cause is not None else "no cause is known"


def _use_lines(use: RoleUse, status: IdentityStatus | None) -> list[str]:
    target = " as target role" if use.hop == 2 else ""
    state = f"; {state_word(status.state)}: {because(status) or _reason(status)}" if status is not None else ""
    lines = [f"  {used_words(use.association)}{target}: {VERDICTS[use.evaluation.verdict]}{state}"]
    if status is not None and status.pods:
        lines.append(f"    {short_list((pod.name for pod in status.pods), 10)}")
    return lines + [f"    {item.severity} {item.id}: {item.message}" for item in use.evaluation.findings]


def role_list_view(roles: PodRoles, now: datetime, *, unused: bool = False, owners: bool = False) -> View:
    """Return the roles that pods can assume, each with the scope of its trust policy; `unused`: those without an
    association. With `owners`, the table has their owners."""
    rows = [(item.role, "; ".join(item.access.sentences), _count(item), _changed(item)) for item in roles.allowing]
    empty = "no unused role that pods can assume" if unused else "no role that pods can assume"
    names = tuple(item.role.name for item in roles.allowing)
    notes, unread = [], tuple(f"not checked: {item}" for item in roles.unread)
    if roles.shut:
        shut = short_list(item.role.name for item in roles.shut)
        more = f"{count_of(len(roles.shut), 'more role')} with a trust policy for pods that allows no service account"
        notes.append(f"note: {more}: {shut}; see podid role show")
    table = _role_table(rows, now, empty, roles.unread, owners=owners)
    return View(document(RoleListDocument, roles), (table,), names, notes=tuple(notes), unread=unread)


def _changed(item: PodRole) -> str:
    if item.differences is None:
        return "?"
    return ", ".join(dict.fromkeys(difference.preset for difference in item.differences)) or NOTHING


def _count(item: PodRole) -> str:
    if item.associations is None:
        return "?"
    return f"{len(item.associations)}, {item.refused} refused" if item.refused else str(len(item.associations))


def _role_table(
    rows: Sequence[tuple[Role, str, str, str]],
    now: datetime,
    empty: str = "",
    unread: object = (),
    *,
    owners: bool = False,
) -> Table:
    """Return a row for each role: pods that can assume it, associations, changed presets."""
    return table_of(
        rows,
        ("ROLE", lambda row: row[0].name),
        (Column("PODS THAT CAN ASSUME IT", prose=True), itemgetter(1)),
        (Column("ASSOCIATIONS", folds=1), itemgetter(2)),
        (Column("LAST USED", folds=2), lambda row: age(row[0].last_used_at, now)),
        (Column("PRESET CHANGED", folds=3), itemgetter(3)),
        (Column("OWNER", wide=not owners, folds=4), lambda row: row[0].owner.words if row[0].owner else NOTHING),
        (Column("ARN", wide=True), lambda row: row[0].arn),
        (Column("CREATED", wide=True), lambda row: timestamp(row[0].created_at)),
        empty=empty,
        unread=unread,
    )


def list_view(presets: Sequence[Preset]) -> View:
    table = table_of(
        presets,
        ("NAME", "name"),
        ("FOR", "area"),
        (Column("PARAMETERS", folds=1), _keys),
        (Column("MAY", prose=True, folds=2), "words"),
    )
    return View(document(PresetListDocument, items=presets), (table,), tuple(preset.name for preset in presets))


def preset_view(choice: Choice) -> View:
    preset, permissions = choice.preset, fill(choice, {})
    words, policy, placeholders = permissions.sentence, permissions.document, sorted(permissions.missing)
    body = document(PresetDocument, preset, words=words, policy=policy, placeholders=placeholders)
    lines = [f"{preset.name}: {preset.title}", f"  {words}"]
    lines += [f"  {p.name}: {p.help}{' (optional)' if p.optional else ''}" for p in preset.settable]
    if preset.service_account:
        lines.append(f"  service account of its installation: {preset.service_account}")
    lines += [f"  AWS managed policy {name}" for name in preset.managed_policies]
    lines.append(f"  checked {preset.checked}" + (f", for {preset.version}" if preset.version else ""))
    lines += [f"  {source}" for source in preset.sources]
    if policy is not None:
        lines += ["", *json.dumps(policy, indent=2).split("\n")]
    may = (Column("MAY", prose=True), lambda _: permissions.words)
    table = table_of((preset,), ("NAME", "name"), ("FOR", "area"), ("PARAMETERS", _keys), may)
    return View(body, (table,), (preset.name,), tuple(lines))


def _keys(preset: Preset) -> str:
    return ",".join(f"[{p.name}]" if p.optional else p.name for p in preset.parameters) or NOTHING


class PresetBody(Document):
    preset_name: Annotated[str, From("name")]
    area: Literal["application", "controller"]
    title: str
    allows: Annotated[str, About("The permissions in words; `{{name}}` is a parameter.")]
    parameters: Annotated[Sequence[Parameter], From("settable")]
    service_account: Annotated[str, OR_NULL, About("The service account of the workload's installation.")]
    managed_policies: Annotated[Sequence[str], About("Names of the AWS managed policies in it.")]
    version: Annotated[str, OR_NULL, About("The releases of the workload for which it was written.")]
    checked: Annotated[str, About("The day of the last check against the sources.")]
    sources: Sequence[str]


PresetListDocument = list_of("PresetList", PresetBody, "`podid preset list`.")


class PresetDocument(PresetBody, kind="Preset"):
    """`podid preset show`."""

    words: str
    policy: Annotated[PolicyObject | None, About("null if it consists of AWS managed policies only.")]
    placeholders: Annotated[Sequence[str], About("Parameters without a value, which are `{{name}}` in the policy.")]
