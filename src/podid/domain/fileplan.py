"""The difference between a file and one cluster: a plan, the resources that it does not change, and conflicts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from podid.domain.declaration import Position
from podid.domain.dependents import AcceptedUnread
from podid.domain.errors import Conflict, ExitCode, PodidError
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.members import AS_TEXT, FLAT, HIDDEN, OR_NULL, About, ArnText, members
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Consent, Header, Plan, Verb
from podid.domain.text import short_list

# the value of a member of a state; a policy is JSON text, as in an association
Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One member of a resource before and after. A tag is `tags.KEY`."""

    field: Annotated[str, About("The member of the resource, such as `roleArn` or `tags.team`.")]
    before: Annotated[Value, About("Null if it does not exist before.")]
    after: Annotated[Value, About("Null if it does not exist afterwards.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A resource that a file creates, changes or deletes."""

    kind: str
    target: str
    verb: Annotated[Verb, About("`create`, `update` or `delete`.")]
    fields: Sequence[FieldChange] = ()

    @classmethod
    def of(cls, action: Action) -> "FileChange":
        before, after = action.before or {}, action.after or {}
        fields: list[FieldChange] = []
        for key in dict.fromkeys((*after, *before)):
            old, new = before.get(key), after.get(key)
            if key in action.keys or old == new:
                continue
            if key == "tags":
                fields += _tags(old, new)
            elif (old or None) != (new or None):
                fields.append(FieldChange(key, _value(old), _value(new)))
        return cls(kind=action.kind, target=action.target, verb=action.verb, fields=tuple(fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedResource:
    """A resource that differs from the files. `subject` is its name for a sentence."""

    cluster: str
    subject: Annotated[str, HIDDEN]
    change: Annotated[FileChange, FLAT]

    @property
    def words(self) -> str:
        """Return the resource with the names of its fields."""
        fields = ", ".join(item.field for item in self.change.fields)
        reasons = {Verb.CREATE: "missing", Verb.DELETE: "not in the files"}
        return f"{self.subject} ({reasons.get(self.change.verb, fields)})"

    @property
    def lines(self) -> Iterator[str]:
        """Yield the values of the fields, or the resource without a value of the other side."""
        if self.change.verb is not Verb.UPDATE:
            yield self.words
            return
        for item in self.change.fields:
            before, after = ("none" if value in (None, "") else str(value) for value in (item.before, item.after))
            yield f"{self.subject}: {item.field}: {before} -> {after}"


def _value(value: object) -> Value:
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _tags(old: object, new: object) -> Iterator[FieldChange]:
    before, after = (value if isinstance(value, Mapping) else {} for value in (old, new))
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield FieldChange(f"tags.{key}", before.get(key), after.get(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """An association of the cluster that the file does not declare. `owner` is the file or the tool that owns it."""

    ref: Annotated[ServiceAccountRef, FLAT]
    role_arn: Annotated[ArnText, OR_NULL]
    owner: Annotated[str, OR_NULL, About("The file or the tool that owns it; null if nothing names one.")] = ""


@members("kind target at owner message lines")
@dataclass(frozen=True, slots=True)
class FileConflict:
    """A declared resource that cannot become as declared, because of the error. `owner` is who owns it."""

    kind: str
    target: str
    at: Annotated[Position, AS_TEXT, About("FILE:LINE:COLUMN of the declaration.")]
    error: Annotated[PodidError, HIDDEN]
    owner: Annotated[str, OR_NULL, About("The file or the tool that owns it; null if nothing names one.")] = ""

    @property
    def message(self) -> str:
        return self.error.message

    @property
    def lines(self) -> Annotated[Sequence[str], About("The differences.")]:
        return self.error.lines

    @property
    def sentence(self) -> str:
        return f"{self.at}: {self.message}" if self.at.file else self.message


@members("files header created changed unchanged pruned only_in_cluster conflicts unread accepted_unread refused notes")
@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """`plan` is what `podid apply` carries out."""

    plan: Annotated[Plan, HIDDEN]
    files: Annotated[Sequence[str], About("The names of the declarations (`metadata.name`).")] = ()
    unchanged: Annotated[int, About("The number of declared resources that are as declared.")] = 0
    only_in_cluster: Annotated[Sequence[Unlisted], About("Associations that the file does not declare.")] = ()
    conflicts: Sequence[FileConflict] = ()
    unread: Sequence[NotRead] = ()
    refused: Sequence[RefusedAccount] = ()
    # the service accounts of changed associations, and of all declared ones
    refs: Annotated[tuple[ServiceAccountRef, ...], HIDDEN] = ()
    declared: Annotated[tuple[ServiceAccountRef, ...], HIDDEN] = ()
    # the service accounts that the plan affects: those of associations that change, and of changed trust policies
    affected: Annotated[tuple[ServiceAccountRef, ...], HIDDEN] = ()
    # whether the command line has --take-over
    taken_over: Annotated[bool, HIDDEN] = False
    # the names of unread parts that a signed plan accepts
    accepted: Annotated[tuple[str, ...], HIDDEN] = ()
    pruned_keys: Annotated[frozenset[tuple[str, str]], HIDDEN] = field(default_factory=frozenset)
    # the marks of the files, each by key and name
    owners: Annotated[frozenset[tuple[str, str]], HIDDEN] = field(default_factory=frozenset)

    @property
    def header(self) -> Annotated[Header, FLAT]:
        return self.plan.header

    @property
    def notes(self) -> Sequence[str]:
        return self.plan.notes

    @property
    def accepted_unread(self) -> AcceptedUnread:
        return None if any(item.decisive for item in self.unread) else self.plan.accepted or None

    def _changes(self, verb: Verb, *, pruned: bool = False) -> tuple[FileChange, ...]:
        return tuple(
            FileChange.of(action)
            for action in self.plan.actions
            if action.verb is verb and ((action.kind, action.target) in self.pruned_keys) is pruned
        )

    @property
    def created(self) -> Annotated[Sequence[FileChange], About("Resources that do not exist.")]:
        return self._changes(Verb.CREATE)

    @property
    def changed(self) -> Annotated[Sequence[FileChange], About("Resources that differ, field by field.")]:
        return (*self._changes(Verb.UPDATE), *self._changes(Verb.DELETE))

    @property
    def pruned(self) -> Annotated[Sequence[FileChange], About("Resources of this file that it no longer declares.")]:
        return self._changes(Verb.DELETE, pruned=True)

    @property
    def obstacles(self) -> Iterator[str]:
        """Yield a sentence for each conflict, and for each part that could not be read."""
        yield from (item.sentence for item in self.conflicts)
        yield from (item.sentence for item in self.unread)

    @property
    def exit_code(self) -> ExitCode:
        """Return 6 for conflicts, 8 for refused annotations, 9 if something could not be read, 3 for changes."""
        if self.conflicts:
            return ExitCode.CONFLICT
        if self.refused:
            return ExitCode.PARTIAL
        if self.unread:
            return ExitCode.UNDETERMINED
        return ExitCode.ATTENTION if self.plan.actions else ExitCode.OK

    @property
    def consent(self) -> Consent | None:
        """Return the question about deletions; None if nothing is deleted."""
        if not self.pruned:
            return None
        names = [item.target for item in self.pruned if item.kind in ("association", "role")]
        question = f"Delete {short_list(names)} in cluster {self.header.cluster}?"
        return Consent(question=question, needed_for="Deleting with --prune")

    def check(self) -> None:
        """Raise Conflict with every conflict, or the error of a part that could not be read and that others depend on:
        nothing is applied then."""
        if self.conflicts:
            first, *others = self.conflicts
            lines = [*first.lines, *(item.sentence for item in others)]
            hint, advice = first.error.hint, first.error.advice
            raise Conflict(first.sentence, hint=hint, advice=advice, lines=tuple(lines), subject=first.target)
        for item in self.unread:
            if item.decisive:
                raise item.error


def check_all(plans: Sequence[FilePlan]) -> None:
    """Check each plan, and raise the error of a declared part that could not be read if nothing is left to apply."""
    for plan in plans:
        plan.check()
    if not any(plan.plan.actions for plan in plans):
        for item in (item for plan in plans for item in plan.unread if item.declared):
            raise item.error


def together(codes: Sequence[ExitCode]) -> ExitCode:
    """Return the exit code for the plans of several clusters: conflicts take precedence, then refusals, then unread
    parts."""
    for code in (ExitCode.CONFLICT, ExitCode.PARTIAL, ExitCode.UNDETERMINED, ExitCode.ATTENTION):
        if code in codes:
            return code
    return ExitCode.OK
