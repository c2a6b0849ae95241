"""Validation of files without AWS and Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from podid.domain.errors import ExitCode, InvalidInput, NotFound, PodidError
from podid.domain.members import About, kind
from podid.ops.declare.files import ReadFile, read_declarations, read_guard


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
    try:
        declarations = read_declarations((path,), variables, read_file=read_file)
    except (InvalidInput, NotFound) as error:
        if _is_guard(path, read_file):
            return ValidatedFile(file=path, declarations=(), mistakes=())
        return ValidatedFile(file=path, declarations=(), mistakes=(error.message, *error.lines))
    return ValidatedFile(file=path, declarations=tuple(item.name for item in declarations), mistakes=())


def _is_guard(path: str, read_file: ReadFile) -> bool:
    """Return whether the file is a valid guard, which needs no name. Stdin cannot be read twice."""
    if path == "-":
        return False
    try:
        read_guard(path, read_file=read_file)
    except PodidError:
        return False
    return True
