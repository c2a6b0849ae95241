"""Read and write trust policies in files, alone or in output of the AWS CLI and podid."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from os import stat_result
from os.path import samestat
from pathlib import Path
from urllib.parse import quote

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import parse_cluster_arn
from podid.local import files
from podid.ops.change.journal import wait_for
from podid.ops.role.policies import trust_form_mistakes

# the member with the policy: `aws iam get-role`, an item of `list-roles`, `podid role show`, `trust add`
_PLACES: tuple[tuple[str, ...], ...] = (
    ("Role", "AssumeRolePolicyDocument"),
    ("AssumeRolePolicyDocument",),
    ("trustPolicy",),
    ("policy",),
)


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A file's policy. `role_tags` are the tags of its role, None if the file does not contain them. `role_arn` is
    only set for a role that podid read."""

    name: str
    text: str
    policy: trust.Policy
    role_tags: Mapping[str, str] | None
    place: tuple[str, ...] = ()
    role_arn: str = ""

    @property
    def called(self) -> str:
        return called(self.name)

    def text_with(self, policy: trust.Policy) -> str:
        """Return the file's text with another policy in the same place and format."""
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
    """Yield the facts of files that are changed in place, locked against other podid processes. Raise UsageError for
    anything but a regular file with one name, TimedOut as a lock does."""
    with ExitStack() as stack:
        locked_files: dict[str, stat_result] = {}
        for name in names:
            lock = partial(wait_for, subject=name, patience=patience)
            with _writing(name):
                if any(samestat(Path(name).lstat(), facts) for facts in locked_files.values()):
                    raise UsageError(f"{name} is specified twice", subject=name)
                locked_files[name] = stack.enter_context(files.locked(Path(name), lock))
        yield locked_files


def write_in_place(file: TrustFile, policy: trust.Policy, over: stat_result) -> None:
    """Write the whole file atomically, and keep mode, owner, line ends and byte order mark. `over` are the facts of the
    file that was read. Raise UsageError, and Conflict if it has changed since."""
    with _writing(file.name):
        files.replace_text(Path(file.name), file.text_with(policy), over)


def _writing(name: str) -> AbstractContextManager[None]:
    return files.in_place(name, "changed in place")


def of_role(role: Role) -> TrustFile:
    return TrustFile(role.name, "", trust.parse_policy(role.trust), dict(role.tags), role_arn=role.arn)


def called(name: str) -> str:
    return "stdin" if name == "-" else name


def read_trust(text: str, name: str) -> TrustFile:
    """Read a trust policy, also URL-encoded as in IAM's API, or in output of `aws iam get-role`, `podid role show -o
    json` and `podid trust add -o json`. Raise InvalidInput with the file and the mistake."""
    try:
        whole = trust.read_json(text)
        place = next((place for place in _PLACES if _inside(whole, place) is not None), ())
        policy = _inside(whole, place)
        document = trust.read_json(policy) if isinstance(policy, str) else policy
        if not isinstance(document, Mapping):
            raise InvalidInput("it contains no trust policy")
        parsed = trust.parse_policy(document)
        for at, mistake in trust_form_mistakes(parsed):
            raise InvalidInput(f"{at} {mistake}")
        return TrustFile(name, text, parsed, _role_tags(whole), place)
    except InvalidInput as error:
        raise InvalidInput(f"{called(name)}: {error.message}", subject=name) from error


def read_files(names: Sequence[str], read_file: Callable[[str], str]) -> list[TrustFile]:
    return [read_trust(read_file(name), name) for name in names]


def check_own_cluster(cluster_arn: str | None, account: str) -> None:
    """Raise InvalidInput for a cluster of another account than the role's."""
    if cluster_arn is not None and parse_cluster_arn(cluster_arn).account != account:
        raise InvalidInput(
            f"Cluster {cluster_arn} is not in the role's account, {account}: EKS accepts only roles of the cluster's "
            "account",
            subject=cluster_arn,
        )


def _inside(whole: object, place: Sequence[str]) -> object:
    for key in place:
        whole = whole.get(key) if isinstance(whole, Mapping) and "Statement" not in whole else None
    return whole


def _replaced(whole: object, place: Sequence[str], new: object) -> object:
    if not place:
        return new
    assert isinstance(whole, Mapping)
    return {**whole, place[0]: _replaced(whole[place[0]], place[1:], new)}


def _role_tags(whole: object) -> Mapping[str, str] | None:
    """Return tags from IAM's list of pairs or podid's object. GetRole omits Tags for a role without tags, ListRoles
    always does."""
    role = whole.get("Role") if isinstance(whole, Mapping) else None
    tags = _inside(whole, ("Role", "Tags")) if isinstance(role, Mapping) else _inside(whole, ("tags",))
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    if isinstance(tags, list):
        return {str(tag.get("Key")): str(tag.get("Value")) for tag in tags if isinstance(tag, Mapping)}
    return {} if isinstance(role, Mapping) else None


def _dumps(value: object, *, like: str) -> str:
    """Return JSON with the indentation of the text that it replaces, or on one line."""
    if "\n" not in like.strip():
        return json.dumps(value, ensure_ascii=False)
    indent = re.search(r"\n([ \t]+)\S", like)
    return json.dumps(value, ensure_ascii=False, indent=indent.group(1) if indent else 2)
