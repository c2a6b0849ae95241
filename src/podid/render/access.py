"""The access of pods to AWS: single actions, who may perform one, all privileges, and those that are not used."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator

from podid.domain.grouping import grouped
from podid.domain.names import role_name
from podid.domain.policy.actions import AccessLevel
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.section import Unread
from podid.domain.text import count_of, needing, short_list, utc
from podid.domain.wildcards import ANY
from podid.ops.audit.right_size import RightSizing, SizedPolicy
from podid.ops.audit.unused import UnusedReport
from podid.ops.permissions.can import AccessReport, ExpandedPattern, is_pattern
from podid.ops.permissions.privileges import LAST_USE, Privileges, ServicePrivileges
from podid.ops.permissions.who import AllowedIdentities, AllowedIdentity
from podid.render.view import NOTHING, Column, Line, View, age, document, sentence, table_of

_STYLES = {AccessVerdict.ALLOWED: "good", AccessVerdict.DENIED: "bad", AccessVerdict.UNKNOWN: "warn"}
_MOST_RESOURCES = 3
_MOST_SERVICES = 6


def access_view(report: AccessReport) -> View:
    """Return a row for each action."""
    table = table_of(
        report.items,
        ("ACTION", "ruling.action"),
        ("ACCESS", "ruling.verdict", lambda item: _STYLES[item.ruling.verdict]),
        (Column("RESOURCES", folds=1), lambda item: resource_words(item.ruling)),
        (Column("STATEMENT", folds=2), lambda item: item.ruling.statement),
        (Column("LEVEL", wide=True), lambda item: item.access_level.words if item.access_level else NOTHING),
        (Column("SIMULATED", wide=True), "simulated"),
        (Column("REASON", prose=True), lambda item: _reason(item.ruling)),
        empty="none of these actions is allowed",
    )
    names = tuple(item.ruling.action for item in report.items if item.ruling.verdict is AccessVerdict.ALLOWED)
    notes = (*report.notes, *map(_pattern_words, report.patterns), *not_checked(report.not_checked, report.assumed))
    return View(document(AccessReport, report), (table,), names, exact=True, notes=notes)


def identities_view(answer: AllowedIdentities) -> View:
    """Return a row for each service account; with several clusters, each row names its cluster."""
    several = len(answer.clusters) > 1
    table = table_of(
        answer.items,
        ("SERVICE ACCOUNT", "ref"),
        (Column("CLUSTER", folds=3, wide=not several), "cluster"),
        ("ACCESS", "verdict", lambda item: _STYLES[item.verdict]),
        (Column("ROLE", folds=1), lambda item: item.role_arn or NOTHING),
        (Column("ACTIONS", folds=3, wide=not is_pattern(answer.action)), lambda item: short_list(item.actions, 3)),
        (Column("RESOURCES", folds=2), lambda item: short_list(item.resources, _MOST_RESOURCES) or NOTHING),
        (Column("STATEMENT", folds=2), "statement"),
        (Column("PODS", right=True), "pods"),
        (Column("REASON", prose=True), _reason),
        empty=f"no service account of {short_list(answer.clusters) or 'any cluster'} may perform {answer.action}",
    )
    names, notes = tuple(str(item.ref) for item in answer.items), (*answer.notes, *not_checked(answer.not_checked))
    unknown = grouped((_reason(item), str(item.ref)) for item in answer.items if item.verdict is AccessVerdict.UNKNOWN)
    unread = tuple(f"not known: {short_list(refs, 3)}: {reason}" for reason, refs in unknown.items())
    return View(document(AllowedIdentities, answer), (table,), names, notes=notes, unread=unread)


def privileges_view(privileges: Privileges) -> View:
    """Return a row for each service, then a row for each way to more privileges."""
    services = table_of(
        privileges.services,
        ("SERVICE", "service", _grey),
        (Column("TITLE", wide=True), "title"),
        ("ACCESS", level_words, lambda item: _grey(item) or ("warn" if _powerful(item) else "")),
        ("ACTIONS", count_words, lambda item: _grey(item) or ("warn" if item.every_action else "")),
        (Column("UNKNOWN", right=True, nothing="0"), "unknown"),
        (
            Column("RESOURCES", folds=1),
            privilege_resources,
            lambda item: _grey(item) or ("warn" if item.every_resource else ""),
        ),
        (Column("USE", folds=2), used_words, _grey),
        empty="the list is incomplete: the policies that were read allow no action"
        if privileges.access.unread
        else "the policies allow no action",
    )
    ways = table_of(
        privileges.escalations,
        ("ESCALATION", "id", lambda item: "bad" if item.verdict is AccessVerdict.ALLOWED else "warn"),
        ("ACCESS", "verdict", lambda item: _STYLES[item.verdict] if item.verdict is AccessVerdict.UNKNOWN else "bad"),
        (Column("ACTIONS", folds=2), lambda item: ", ".join(action.action for action in item.actions)),
        (
            Column("THE PODS CAN", prose=True, folds=1),
            lambda item: f"{item.words}; not known: {item.reason}" if item.reason else item.words,
        ),
    )
    names = tuple(item.service for item in privileges.services)
    tables = (services, ways) if privileges.escalations else (services,)
    return View(document(Privileges, privileges), tables, names, notes=tuple(_privileges_notes(privileges)))


def _privileges_notes(privileges: Privileges) -> Iterator[str | Line]:
    number = len(privileges.escalations)
    ways = count_of(number, "privilege escalation path") if number else "No privilege escalation path"
    ways += " in the policies that were read" if privileges.access.unread else ""
    if privileges.obstacle:
        yield Line(sentence(privileges.obstacle), "warn")
    yield ways
    yield from _use_notes(privileges)
    yield from not_checked(item for item in privileges.not_checked if item.what != LAST_USE)


def _use_notes(privileges: Privileges) -> list[str | Line]:
    """Return the services that were not used, in one line."""
    if privileges.since is None:
        return [Line(f"not known: {item}", "dim") for item in privileges.not_checked if item.what == LAST_USE]
    unused = [item.service for item in privileges.services if item.used is False]
    words = short_list(unused, _MOST_SERVICES) or "no service"
    return [Line(f"Not used since {privileges.since:%Y-%m-%d}, by IAM's report on the role: {words}", "dim")]


def privilege_lines(privileges: Privileges) -> list[str | Line]:
    """Return the privileges in one line, and the escalation paths in another."""
    words = [f"{item.service} {level_words(item)}{_wildcards(item)}" for item in privileges.services]
    more = [count_of(len(words) - _MOST_SERVICES, "more service")] if len(words) > _MOST_SERVICES else []
    if more and all(item.every_action for item in privileges.services):
        words, more = [f"every action of {len(words)} services"], []
    of_target = f" of target role {role_name(privileges.role_arn)}" if privileges.access.base is not None else ""
    lines: list[str | Line] = []
    lines += [f"privileges{of_target}: {'; '.join((*words[:_MOST_SERVICES], *more))}"] if words else []
    ways = [item.id for item in privileges.escalations if item.verdict is AccessVerdict.ALLOWED]
    lines += [Line(f"privilege escalation: {short_list(ways, _MOST_SERVICES)}", "warn")] if ways else []
    unknown = [item.id for item in privileges.escalations if item.verdict is AccessVerdict.UNKNOWN]
    lines += [Line(f"privilege escalation not known: {short_list(unknown, _MOST_SERVICES)}", "warn")] if unknown else []
    return [*lines, *_use_notes(privileges)]


def used_words(item: ServicePrivileges) -> str:
    """Return whether it was used in the window; of a service that was used, the number of its unused actions."""
    if item.used is None:
        return NOTHING
    if not item.used:
        return "unused"
    return f"used, {count_of(item.unused_actions, 'action')} unused" if item.unused_actions else "used"


def _grey(item: ServicePrivileges) -> str:
    return "dim" if item.used is False else ""


def level_words(item: ServicePrivileges) -> str:
    return ", ".join(level.level.words for level in item.levels)


def count_words(item: ServicePrivileges) -> str:
    return f"every action ({item.of})" if item.every_action else f"{item.actions} of {item.of}"


def privilege_resources(item: ServicePrivileges) -> str:
    if item.every_resource or item.resources == (ANY,):
        return "every resource"
    return short_list(item.resources, _MOST_RESOURCES) or NOTHING


def _wildcards(item: ServicePrivileges) -> str:
    parts = [("every action", item.every_action), ("every resource", item.every_resource)]
    parts.append(("not known", not item.actions))
    words = " and ".join(word for word, marked in parts if marked)
    return f" ({words})" if words else ""


def _powerful(item: ServicePrivileges) -> bool:
    return any(level.level is AccessLevel.PERMISSIONS and level.actions for level in item.levels)


def not_checked(parts: Iterable[Unread], assumed: Iterable[str] = ()) -> list[str | Line]:
    """Return the parts that were not checked in one line, those without a permission first, and the assumptions."""
    listed = list(parts)
    plain = [item.what for item in listed if not item.permission]
    needed = [needing(item.what, item.permission) for item in listed if item.permission]
    words = f"Not checked: {', '.join((*plain, *needed))}" if listed else ""
    facts = f"Assumed: {', '.join(assumed)}" if assumed else ""
    text = ". ".join(filter(None, (words, facts)))
    return [Line(text, "dim")] if text else []


def _pattern_words(item: ExpandedPattern) -> str:
    on = f" on {item.resource}" if item.resource else ""
    unknown = f", {item.unknown} not known" if item.unknown else ""
    return f"{item.pattern}{on}: {item.allowed} of {count_of(item.actions, 'action')} allowed{unknown}"


def resource_words(ruling: Ruling) -> str:
    if ruling.verdict is AccessVerdict.DENIED:
        return ruling.resource or NOTHING
    listed = ruling.resources or ruling.unclear or ((ruling.resource,) if ruling.resource else ())
    without = f" without {short_list(ruling.except_, _MOST_RESOURCES)}" if ruling.except_ else ""
    return (short_list(listed, _MOST_RESOURCES) or NOTHING) + without


def _reason(item: Ruling | AllowedIdentity) -> str:
    """Return the reason, unless the statement says it."""
    if item.verdict is AccessVerdict.ALLOWED:
        return NOTHING
    return sentence(needing(item.reason, item.missing_permission)).rstrip(".")


# --- unused permissions, and the policies of a role reduced to the used ones ------------------------------------------


def unused_view(report: UnusedReport, days: int, *, short: bool) -> View:
    """Return a row for each item. A terminal shows the beginning of long lists."""
    limit = 4 if short else 10_000
    table = table_of(
        report.items,
        ("KIND", "kind"),
        ("VERDICT", "verdict", lambda item: "warn" if item.verdict == "unknown" else ""),
        ("ROLE", "role"),
        (Column("SERVICE ACCOUNT", folds=1), lambda item: item.subject or NOTHING),
        (
            Column("PERMISSIONS", prose=True, folds=1),
            lambda item: short_list(item.services if item.kind == "service" else item.actions, limit) or NOTHING,
        ),
        ("LAST USED", lambda item: f"{age(item.last_used_at, report.taken_at)} ago" if item.last_used_at else "never"),
        (Column("REASON", prose=True, folds=2), lambda item: item.reason or NOTHING),
        empty=f"no unused association, role or permission in the last {count_of(days, 'day')}",
        unread=report.unread,
    )
    names = tuple(dict.fromkeys(item.subject or item.role for item in report.items))
    counts = Counter(item.verdict for item in report.items)
    notes: tuple[str | Line, ...] = (
        f"{count_of(counts['unused'], 'item')} not used since {utc(report.since)}, {counts['unknown']} unknown",
        *(Line(words, "dim") for words in (*(f"Not checked: {part}" for part in report.unread), *report.limits)),
    )
    return View(document(UnusedReport, report), (table,), names, notes=notes)


_DIFF_STYLES = {"+": "good", "-": "bad", "@": "dim"}


def right_size_view(sizing: RightSizing) -> View:
    """Return the difference of each policy; CSV and -o name list the policies."""
    table = table_of(
        sizing.policies,
        ("POLICY", "policy"),
        ("CHANGE", "change"),
        (Column("INLINE POLICY", wide=True), lambda item: item.inline_name or None),
    )
    names = tuple(item.policy for item in sizing.changed)
    notes = tuple(Line(f"note: {note}", "dim") for note in sizing.notes)
    return View(
        document(RightSizing, sizing), (table,), names, tuple(_right_size_lines(sizing)), exact=True, notes=notes
    )


def _right_size_lines(sizing: RightSizing) -> Iterator[str | Line]:
    role, since = sizing.role.name, utc(sizing.since)
    if not sizing.changed:
        yield f"Every permission of role {role} was used since {since}, or its use is not known"
    else:
        yield f"Role {role}: not used since {since}: {short_list(sizing.removed, 12)}"
    for item in sizing.changed:
        yield ""
        yield from _difference(item)
    if sizing.unknown:
        yield ""
        yield Line(f"Kept, because their use is not known: {short_list(sizing.unknown, 12)}", hang=2)


def _difference(item: SizedPolicy) -> Iterator[str | Line]:
    before, after = _text(item.before), _text(item.after) if item.after is not None else []
    new = f"inline policy {item.inline_name}" if item.after is not None else "/dev/null"
    old = f"managed policy {item.policy}" if item.managed else f"inline policy {item.policy}"
    for text in difflib.unified_diff(before, after, old, new, lineterm="", n=2):
        yield Line(text, _DIFF_STYLES.get(text[:1], ""), code=True)


def _text(policy: object) -> list[str]:
    return json.dumps(policy, indent=2).splitlines()
