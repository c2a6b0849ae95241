"""Plans of files: as lines, as documents, and as a unified diff. And the view of validated files."""

import difflib
from collections.abc import Iterator, Sequence

from podid.domain.encoding import plain
from podid.domain.errors import ExitCode
from podid.domain.fileplan import FilePlan
from podid.domain.plan import Action, Verb
from podid.domain.text import count_of
from podid.ops.declare.files import ValidatedFile, ValidatedFiles
from podid.render.changes import FilePlanDocument, header_line, plan_lines
from podid.render.several import results_view
from podid.render.view import NOTHING, Column, Line, Table, View, columns, document, table_of

# associations that the file does not declare: the maximum on a terminal
_LISTED = 10


def file_plan_lines(item: FilePlan) -> list[str | Line]:
    """Return the plan as text: the changes, then the conflicts, then the unchanged resources."""
    lines = plan_lines(item.plan, brief=True)
    if not item.plan.actions:
        # in place of the line "nothing to change" below the header: a conflict may need a change
        lines[1] = "  no changes"
    lines += conflict_lines(item)
    if item.unchanged:
        lines.append(f"  = {count_of(item.unchanged, 'resource')} as declared")
    if item.only_in_cluster:
        lines.append(f"  only in the cluster: {count_of(len(item.only_in_cluster), 'association')}")
        for unlisted in item.only_in_cluster[:_LISTED]:
            owner = f" (owner: {unlisted.owner})" if unlisted.owner else ""
            lines.append(f"      {unlisted.ref}{owner}")
        if len(item.only_in_cluster) > _LISTED:
            lines.append(f"      and {len(item.only_in_cluster) - _LISTED} more; -o json lists them all")
    return lines


def conflict_lines(item: FilePlan) -> list[str | Line]:
    """Return the conflicts with their differences, and the parts that could not be read."""
    lines: list[str | Line] = []
    for conflict in item.conflicts:
        lines.append(Line(f"  ! {conflict.sentence}", "bad"))
        lines += [f"      {line}" for line in conflict.lines]
    lines += [Line(f"  ! {refused.sentence}", "warn") for refused in item.refused]
    for unread in item.unread:
        why = f"{unread.reason} (requires {unread.permission})" if unread.permission else unread.reason
        lines.append(Line(f"  ? {unread.target} could not be read: {why}", "warn"))
    return lines


def file_plan_view(item: FilePlan) -> View:
    rows = []
    for action in item.plan.actions:
        status = "pruned" if (action.kind, action.target) in item.pruned_keys else "planned"
        rows.append((action.kind, str(action.verb), action.target, status, NOTHING))
    rows += [(conflict.kind, NOTHING, conflict.target, "conflict", conflict.message) for conflict in item.conflicts]
    rows += [(NOTHING, NOTHING, str(refused.ref), "refused", refused.reason) for refused in item.refused]
    rows += [(NOTHING, NOTHING, unread.target, "not read", unread.reason) for unread in item.unread]
    table = Table(columns("KIND", "VERB", "TARGET", "STATUS", "REASON"), tuple(rows))
    names = tuple(action.target for action in item.plan.actions)
    return View(document(FilePlanDocument, item), (table,), names, tuple(file_plan_lines(item)))


def file_plans_view(items: Sequence[FilePlan]) -> View:
    views = [file_plan_view(item) for item in items]
    return views[0] if len(views) == 1 else results_view(views, ())


def diff_view(items: Sequence[FilePlan]) -> View:
    """Return a unified diff of live states against planned ones."""
    view = file_plans_view(items)
    lines: list[str | Line] = []
    for item in items:
        if len(items) > 1:
            lines.append(f"As {header_line(item.plan.header)}")
        for action in item.plan.actions:
            lines += _diff(action)
    equal = all(item.exit_code is ExitCode.OK for item in items)
    nothing = "no differences" if equal else "podid apply would change nothing"
    return View(view.document, view.tables, view.names, tuple(lines or [nothing]))


_STYLES = {"+": "good", "-": "bad"}


def _diff(action: Action) -> Iterator[Line]:
    before, after = _yaml(action, action.before), _yaml(action, action.after)
    name = f"{action.kind}/{action.target}"
    left = "/dev/null" if action.verb is Verb.CREATE else f"live/{name}"
    right = "/dev/null" if action.verb is Verb.DELETE else f"file/{name}"
    for text in difflib.unified_diff(before, after, left, right, lineterm=""):
        yield Line(text, "" if text.startswith(("+++", "---")) else _STYLES.get(text[:1], ""))


def _yaml(action: Action, state: object) -> list[str]:
    if state is None:
        return []
    import yaml

    data = plain(state)
    if isinstance(data, dict) and action.before and action.after:
        # the same members in the same order on both sides of an update, so that the diff shows only differences
        data = {key: data.get(key) for key in dict.fromkeys((*action.before, *action.after))}
    text: str = yaml.safe_dump(data, sort_keys=False, width=1000, allow_unicode=True)
    return text.splitlines()


def validation_view(files: ValidatedFiles) -> View:
    """Return a row for each mistake, and one for each valid file."""
    rows = [
        (_file(item), "valid" if item.valid else "mistake", text)
        for item in files.items
        for text in item.mistakes or (_names(item),)
    ]
    table = table_of(
        rows,
        ("FILE", lambda row: row[0]),
        ("STATE", lambda row: row[1]),
        (Column("DETAIL", prose=True), lambda row: row[2]),
    )
    names = tuple(item.file for item in files.items if not item.valid)
    return View(document(ValidatedFiles, files), (table,), names, tuple(_lines(files)))


def _lines(files: ValidatedFiles) -> Iterator[str | Line]:
    for item in files.items:
        if item.valid:
            yield Line(f"✓ {_file(item)}  {_names(item)}", "good")
        # each begins with the name of its file
        yield from (Line(f"✗ {mistake}", "bad", hang=2) for mistake in item.mistakes)


def _file(item: ValidatedFile) -> str:
    return "standard input" if item.file == "-" else item.file


def _names(item: ValidatedFile) -> str:
    if not item.declarations:
        return "a guard"
    return f"{count_of(len(item.declarations), 'declaration')}: {', '.join(item.declarations)}"
