"""Trust policies in files: by themselves, or in what the AWS CLI and podid print about a role."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from os import stat_result
from os.path import samestat
from pathlib import Path
from urllib.parse import quote

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Again, Conflict, InvalidInput, UsageError
from podid.domain.names import parse_cluster_arn
from podid.local import files
from podid.ops.change.journal import wait_for

# where such a document holds the policy: `aws iam get-role`, an item of `list-roles`, `podid role show`, `trust add`
_PLACES: tuple[tuple[str, ...], ...] = (
    ("Role", "AssumeRolePolicyDocument"),
    ("AssumeRolePolicyDocument",),
    ("trustPolicy",),
    ("policy",),
)


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file's policy. `role_tags` are the tags of the role that it belongs to, None where the file does not tell."""

    name: str
    text: str
    policy: trust.Policy
    role_tags: Mapping[str, str] | None
    place: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        return called(self.name)

    def text_with(self, policy: trust.Policy) -> str:
        """The file's text with another policy in the same place and form."""
        whole = trust.read_json(self.text)
        old = _inside(whole, self.place)
        new: object = policy.to_document()
        if isinstance(old, str):
            compact = policy.to_json()
            new = quote(compact, safe="") if old.lstrip().startswith("%") else compact
        if self.text.lstrip().startswith("%"):
            return quote(policy.to_json(), safe="")
        written = _dumps(_replaced(whole, self.place, new), like=self.text)
        return written + ("\n" if self.text.endswith("\n") else "")


@contextmanager
def locked(names: Sequence[str], patience: Patience) -> Iterator[Mapping[str, stat_result]]:
    """The facts of files that are changed in place; no other podid changes them for as long as the block lasts. Raises
    UsageError for what is no regular file of one name, TimedOut as a lock does."""
    with ExitStack() as stack:
        locked_files: dict[str, stat_result] = {}
        for name in names:
            lock = partial(wait_for, subject=name, patience=patience)
            with _writing(name):
                if any(samestat(Path(name).lstat(), facts) for facts in locked_files.values()):
                    raise UsageError(f"{name} is named twice", subject=name)
                locked_files[name] = stack.enter_context(files.locked(Path(name), lock))
        yield locked_files


def write_in_place(file: TrustFile, policy: trust.Policy, over: stat_result) -> None:
    """The file has the one text or the other, never half of one, and keeps mode, owner, line ends and byte order mark.
    `over` are the facts of the
    file that was read. Raises UsageError, and Conflict where it was changed since."""
    with _writing(file.name):
        path = Path(file.name)
        old, new = files.read(path), file.text_with(policy).encode()
        if b"\r\n" in old:
            new = new.replace(b"\n", b"\r\n")
        files.write_whole(path, BOM_UTF8 + new if old.startswith(BOM_UTF8) else new, over=over, keep=True)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    try:
        yield
    except files.ChangedMeanwhile as error:
        raise Conflict(f"{name} is left as it is: {error.strerror}", hint=Again(), subject=name) from error
    except OSError as error:
        raise UsageError(f"{name} cannot be changed in place: {error.strerror}", subject=name) from error


def of_role(role: Role) -> TrustFile:
    """The same of a role that was read, under its name."""
    return TrustFile(role.name, "", trust.parse_policy(role.trust), dict(role.tags))


def called(name: str) -> str:
    return "stdin" if name == "-" else name


def read_trust(text: str, name: str) -> TrustFile:
    """InvalidInput names the file and what is wrong with it. Takes a trust policy, also URL-encoded as IAM's API gives
    it, and what `aws iam get-role`, `podid role show -o json` and `podid trust add -o json` print."""
    try:
        whole = trust.read_json(text)
        place = next((place for place in _PLACES if _inside(whole, place) is not None), ())
        policy = _inside(whole, place)
        document = trust.read_json(policy) if isinstance(policy, str) else policy
        if not isinstance(document, Mapping):
            raise InvalidInput("there is no trust policy in it")
        return TrustFile(name, text, trust.parse_policy(document), _role_tags(whole), place)
    except InvalidInput as error:
        raise InvalidInput(f"{called(name)}: {error.message}", subject=name) from error


def read_files(names: Sequence[str], read_file: Callable[[str], str]) -> list[TrustFile]:
    return [read_trust(read_file(name), name) for name in names]


def check_named(files: Sequence[str], role: str | None, read_file: Callable[[str], str]) -> None:
    """Raises UsageError where neither files nor a role are named, or both, and for a file that cannot be read: who
    named that needs to hear of it first."""
    if not files and role is None:
        raise UsageError("Which trust policy? Name FILE ('-' is stdin), or a role with --role")
    if files and role is not None:
        raise UsageError("FILE and --role exclude each other")
    if files.count("-") > 1:
        raise UsageError("'-' can be given once: there is one stdin")
    for name in files:
        if name != "-":
            read_file(name)


def check_own_cluster(cluster_arn: str | None, account: str) -> None:
    """Raises InvalidInput for a cluster of another account than the role's."""
    if cluster_arn is not None and parse_cluster_arn(cluster_arn).account != account:
        raise InvalidInput(
            f"{cluster_arn} is a cluster of another account than the role's, {account}: EKS takes only roles of the "
            "cluster's own account",
            subject=cluster_arn,
        )


def _inside(whole: object, place: Sequence[str]) -> object:
    """The member at `place`; None where there is none."""
    for key in place:
        whole = whole.get(key) if isinstance(whole, Mapping) and "Statement" not in whole else None
    return whole


def _replaced(whole: object, place: Sequence[str], new: object) -> object:
    if not place:
        return new
    assert isinstance(whole, Mapping)
    return {**whole, place[0]: _replaced(whole[place[0]], place[1:], new)}


def _role_tags(whole: object) -> Mapping[str, str] | None:
    """IAM's list of pairs, or podid's object. GetRole leaves Tags out for a role that has none; ListRoles always."""
    role = whole.get("Role") if isinstance(whole, Mapping) else None
    tags = _inside(whole, ("Role", "Tags")) if isinstance(role, Mapping) else _inside(whole, ("tags",))
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    if isinstance(tags, list):
        return {str(tag.get("Key")): str(tag.get("Value")) for tag in tags if isinstance(tag, Mapping)}
    return {} if isinstance(role, Mapping) else None


def _dumps(value: object, *, like: str) -> str:
    """JSON in the manner of the text that it takes the place of: its indentation, or one line."""
    if "\n" not in like.strip():
        return json.dumps(value, ensure_ascii=False)
    indent = re.search(r"\n([ \t]+)\S", like)
    return json.dumps(value, ensure_ascii=False, indent=indent.group(1) if indent else 2)
