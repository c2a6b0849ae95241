"""Read declarations from files: `apiVersion: podid/v1`, `kind: PodIdentity`, in YAML or JSON, and the files of other
programs that `podid.ops.declare.foreign` converts; and validate them.

All mistakes of all files are reported together, each with file, line, column and key. No call is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from podid.domain.declaration import DECLARATION_KIND, ClusterChoice, Declaration, Guard, Position
from podid.domain.errors import ExitCode, InvalidInput, NotFound, PodidError
from podid.domain.grouping import grouped
from podid.domain.members import API_VERSION, About, kind
from podid.domain.option import refuse_blank
from podid.local.documents import DocumentNode, Mistakes, read_documents
from podid.local.files import files_in
from podid.ops.declare.clusters import declared_twice
from podid.ops.declare.controllers import objects_in
from podid.ops.declare.document import DocumentSource, read_declaration
from podid.ops.declare.foreign import FOREIGN_WORDS, from_csv, from_documents, is_foreign, own_documents
from podid.ops.declare.foreign_nodes import Describe, ForeignFile
from podid.ops.declare.objects import Members
from podid.ops.declare.request import FileOptions

ReadFile = Callable[[str], str]
# of files in a directory
ENDINGS = (".yaml", ".yml", ".json")


def read_declarations(
    paths: Sequence[str], variables: Mapping[str, str], *, read_file: ReadFile, describe: Describe | None = None
) -> tuple[Declaration, ...]:
    """Return the declarations of files, of the files of directories, and of stdin for `-`. `describe` completes
    associations of an answer that has no roles. Raise InvalidInput with every mistake, NotFound for policy files that
    do not exist, UsageError for a file that cannot be read."""
    mistakes, missing = Mistakes(), list[str]()
    declarations: list[Declaration] = []
    for name, node, notes in nodes_of(paths, variables, mistakes, read_file=read_file, describe=describe):
        if is_declaration(node, mistakes):
            source = DocumentSource(name, mistakes, read_file, missing)
            declarations.append(replace(read_declaration(node, source), notes=notes))
    _check_together(declarations, mistakes)
    mistakes.check()
    if missing:
        raise NotFound(missing[0], lines=tuple(missing[1:]))
    if not declarations:
        names = ", ".join("standard input" if path == "-" else path for path in paths)
        raise InvalidInput(f"{names}: no document of kind {DECLARATION_KIND}", subject=paths[0])
    return tuple(declarations)


def read_files(
    options: FileOptions, *, read_file: ReadFile, describe: Describe | None = None
) -> tuple[Declaration, ...]:
    """Return the declarations of the options, with their variables. Raise as `read_declarations` and `read_variables`,
    and UsageError without a file."""
    options.check()
    variables = read_variables(options.variables, options.variable_files, read_file=read_file)
    return read_declarations(options.files, variables, read_file=read_file, describe=describe)


def read_guard(name: str, *, read_file: ReadFile) -> Guard:
    """Return the guard of a file, which may declare nothing else. Raise UsageError if it cannot be read."""
    mistakes, missing = Mistakes(), list[str]()
    guards = []
    for file, node, _ in nodes_of((name,), {}, mistakes, read_file=read_file):
        if is_declaration(node, mistakes):
            source = DocumentSource(file, mistakes, read_file, missing)
            guards.append(read_declaration(node, source, named=False).guard)
    mistakes.check()
    if len(guards) != 1 or guards[0] is None:
        raise InvalidInput(f"{name} must have one document, with guard", subject=name)
    return guards[0]


def nodes_of(
    paths: Sequence[str],
    variables: Mapping[str, str],
    mistakes: Mistakes,
    *,
    read_file: ReadFile,
    describe: Describe | None = None,
) -> Iterable[tuple[str, DocumentNode, tuple[str, ...]]]:
    """Yield every document of the files with the name of its file. Each file is read once. A file of another program is
    converted, without variables, to a document with notes."""
    names = dict.fromkeys(name for path in paths for name in (("-",) if path == "-" else files_in(path, ENDINGS)))
    for name in names:
        called = "stdin" if name == "-" else name
        text = read_file(name)
        foreign = from_csv(text, called, mistakes) or _foreign(text, called, mistakes, describe)
        if foreign is None:
            for node in read_documents(text, called, mistakes, variables):
                yield called, node, ()
            continue
        for number, node in enumerate(own_documents(foreign)):
            yield called, node, () if number else tuple(foreign.notes)


def _foreign(text: str, name: str, mistakes: Mistakes, describe: Describe | None) -> ForeignFile | None:
    """Return the content of a file with documents of other programs; None for another file."""
    if DECLARATION_KIND in text and not any(word in text for word in FOREIGN_WORDS):
        return None  # podid's own file is read once
    own = Mistakes()
    nodes = read_documents(text, name, own)
    if not any(map(is_foreign, objects_in(nodes))):
        return None
    mistakes.items += own.items
    return from_documents(nodes, name, mistakes, describe)


def is_declaration(node: DocumentNode, mistakes: Mistakes) -> bool:
    """Return whether the document is a declaration; collect why not."""
    if not isinstance(node.value, dict):
        mistakes.add(node.at, f"must be an object with apiVersion: {API_VERSION} and kind: {DECLARATION_KIND}")
        return False
    right = True
    for key, expected in (("apiVersion", API_VERSION), ("kind", DECLARATION_KIND)):
        member = node.value.get(key)
        if member is None or member.value != expected:
            problem = "is required" if member is None else f"is {member.value!r}"
            if member is not None and not isinstance(member.value, str):
                problem = "is not text"
            mistakes.add(node.at if member is None else member.at, f"{problem}: write {key}: {expected}", key)
            right = False
    return right


def read_variables(texts: Sequence[str], files: Sequence[str], *, read_file: ReadFile) -> dict[str, str]:
    """Return the variables of --var NAME=VALUE and of --var-file, which are objects of texts in YAML or JSON. --var
    takes precedence, and the last of several. Raise InvalidInput."""
    mistakes, variables = Mistakes(), dict[str, str]()
    for file in files:
        name = "stdin" if file == "-" else file
        for node in read_documents(read_file(file), name, mistakes):
            members = Members(node, "", tuple(node.value) if isinstance(node.value, dict) else (), mistakes)
            for key, member in members.members.items():
                variables[_named(key, member.at, mistakes)] = members.value(member, key, _value, "")
    mistakes.check()
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"--var {text!r} is not NAME=VALUE", subject=text)
        refuse_blank("--var", name)
        variables[name] = value
    return variables


def _named(name: str, at: Position, mistakes: Mistakes) -> str:
    if not name.isidentifier() or not name.isascii():
        mistakes.add(at, "is not the name of a variable: letters, digits and _", name)
    return name


def _value(node: DocumentNode) -> str:
    """Return text, or a number or flag in its spelling: all versions of YAML read these alike."""
    if node.plain and isinstance(node.value, str) and not node.null:
        data = node.data()
        if isinstance(data, (bool, int)):
            return node.value
    return node.text


def _check_together(declarations: Sequence[Declaration], mistakes: Mistakes) -> None:
    """Collect names that several documents use, and associations of a cluster that several documents declare."""
    by_cluster = grouped((choice.name, item) for item in declarations for choice in item.clusters or (ClusterChoice(),))
    for key, message, at in dict.fromkeys(twice for items in by_cluster.values() for twice in declared_twice(items)):
        mistakes.add(at, message, key)
    owners: dict[tuple[str, str], Declaration] = {}
    roles: dict[str, Position] = {}
    for declaration in declarations:
        owner = (declaration.owner_key, declaration.name)
        if declaration.name and owner in owners:
            first = owners[owner].place("metadata.name")
            message = f"the name {declaration.name} is already used at {first}; each document needs its own name"
            mistakes.add(declaration.place("metadata.name"), message, "metadata.name")
        owners.setdefault(owner, declaration)
        for number, role in enumerate(declaration.roles):
            # IAM compares names without regard to case
            first_place = roles.setdefault(role.name.lower(), role.place("name"))
            if role.name and first_place is not role.place("name"):
                message = f"role {role.name} is already declared at {first_place}"
                mistakes.add(role.place("name"), message, f"roles[{number}].name")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedFile:
    file: str
    declarations: Annotated[
        tuple[str, ...], About("The names of the declarations; empty for a guard, and if there is a mistake.")
    ]
    mistakes: Annotated[tuple[str, ...], About("The mistakes, each with file, line, column and key.")]

    @property
    def valid(self) -> bool:
        return not self.mistakes


@kind("ValidatedFileList", "`podid validate`.")
@dataclass(frozen=True, slots=True)
class ValidatedFiles:
    items: tuple[ValidatedFile, ...]

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.OK if all(item.valid for item in self.items) else ExitCode.ATTENTION


def validate(paths: Sequence[str], variables: Mapping[str, str], *, read_file: ReadFile) -> ValidatedFiles:
    """Validate each file, or the files of a directory together. Raise UsageError for a file that cannot be read."""
    return ValidatedFiles(tuple(_validated(path, variables, read_file) for path in dict.fromkeys(paths)))


def _validated(path: str, variables: Mapping[str, str], read_file: ReadFile) -> ValidatedFile:
    declarations, mistakes = tuple[Declaration, ...](), tuple[str, ...]()
    try:
        declarations = read_declarations((path,), variables, read_file=read_file)
    except (InvalidInput, NotFound) as error:
        if not _is_guard(path, read_file):
            mistakes = (error.message, *error.lines)
    return ValidatedFile(file=path, declarations=tuple(item.name for item in declarations), mistakes=mistakes)


def _is_guard(path: str, read_file: ReadFile) -> bool:
    """Return whether the file is a valid guard, which needs no name. Stdin cannot be read twice."""
    if path == "-":
        return False
    try:
        read_guard(path, read_file=read_file)
    except PodidError:
        return False
    return True
