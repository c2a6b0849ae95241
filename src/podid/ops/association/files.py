"""Read associations from a file: JSON, YAML or CSV, for example the output of `podid list`."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from podid.domain import names, trust
from podid.domain.declaration import OWNER_KEY
from podid.domain.errors import InvalidInput
from podid.domain.owners import without_marks
from podid.domain.text import count_of, cut, did_you_mean, short_list
from podid.local import data
from podid.local.data import Located
from podid.ops.association.request import Settings
from podid.ops.role.policies import check_policy_document, session_policy_text

# other names of a member, for example columns of `list -o csv`
_ALSO = {
    "role": "roleArn",
    "targetRole": "targetRoleArn",
    "serviceaccount": "serviceAccount",
    "targetrole": "targetRoleArn",
    "sessiontags": "sessionTags",
    "sessionpolicy": "policy",
    "sessionPolicy": "policy",
    "cluster": "clusterName",
    "clustername": "clusterName",
}
_TAKEN = (
    "clusterName",
    "namespace",
    "serviceAccount",
    "roleArn",
    "targetRoleArn",
    "disableSessionTags",
    "sessionTags",
    "policy",
    "tags",
)
# assigned by EKS or added by podid: ignored
_ASSIGNED = (
    *("associationArn", "associationId", "createdAt", "modifiedAt", "externalId", "ownerArn", "owner"),
    *("associationid", "created", "modified", "pods", "injected", "stale", "exists", "roleexists", "status", "health"),
    *("notread", "unread", "serviceAccountExists", "roleExists"),
)

# the members of an association in EKS's answers and in podid's lists
MEMBERS = frozenset({*_TAKEN, *_ASSIGNED, "apiVersion", "kind"} - {"sessionTags"})
# the column CLUSTER for a name that several clusters have: NAME (REGION), or NAME (ACCOUNT REGION)
_PLACED = re.compile(r"(\S+) \((?:(\d{12}) )?(\S+)\)")
# of the column OWNER
_ADDON = "add-on "
# characters of an error, and errors in a list
_LONGEST, _MOST = 300, 50
# the apostrophe of `-o csv` before a cell that a spreadsheet would read as a formula
_FORMULA = re.compile(r"^'([=+@-])")


@dataclass(frozen=True, slots=True)
class FileItem:
    """One association of a file. `role` is empty if the file omits it. `owner` is the ARN of the add-on that owns it.
    `line` is its line in the file, 0 outside of files. `cluster` is a name or an ARN, empty if the file omits it."""

    ref: names.ServiceAccountRef
    role: str = ""
    settings: Settings = field(default_factory=Settings)
    owner: str = ""
    line: int = field(default=0, compare=False)
    cluster: str = field(default="", compare=False)

    @property
    def why_skipped(self) -> str:
        """Return the reason why it is skipped; empty if it is not."""
        name = names.addon_name(self.owner)
        return f"the add-on {name} owns it: podid addon associate {name} {self.ref.name}" if self.owner else ""


@dataclass(frozen=True, slots=True)
class _Row:
    """The members of an item, or the reason why the item cannot be used."""

    line: int
    members: Mapping[str, object]
    wrong: str = ""


def read_items(text: str, name: str) -> tuple[FileItem, ...]:
    """Return the associations of a file, each service account of a cluster once. Raise InvalidInput with the file and,
    for each row that cannot be used, line and key."""
    items: dict[tuple[str, names.ServiceAccountRef], FileItem] = {}
    wrong: list[tuple[int, str]] = []
    for row in _rows(text, name):
        try:
            item = _item(row)
        except InvalidInput as error:
            wrong.append((row.line, error.message))
            continue
        first = items.setdefault((item.cluster, item.ref), item)
        if first is not item:
            wrong.append((row.line, f"{item.ref} appears twice, first in line {first.line}"))
    _refuse(name, wrong)
    return tuple(items.values())


def check_one_cluster(items: Iterable[FileItem], name: str) -> None:
    """Raise InvalidInput for a file with associations of several clusters."""
    clusters = list(dict.fromkeys(item.cluster for item in items))
    if len(clusters) > 1:
        listed = short_list(cluster or "no cluster" for cluster in clusters)
        message = f"{name} has associations of several clusters ({listed}); podid associate changes one cluster"
        raise InvalidInput(message, advice="podid convert makes a file for each cluster; podid apply reads it.")


def check_accounts(items: Iterable[FileItem], account: str, name: str) -> None:
    """Raise InvalidInput for rows whose role is in another account than the cluster."""
    accounts = (
        (item, names.parse_role_arn(item.role).account) for item in items if item.line and item.role.startswith("arn:")
    )
    wrong = [
        (item.line, f"roleArn: {item.role} is in account {role_account}")
        for item, role_account in accounts
        if role_account != account
    ]
    _refuse(name, wrong, f"; the roles of associations must be in the cluster's account, {account}")


def _refuse(name: str, wrong: Sequence[tuple[int, str]], why: str = "") -> None:
    if len(wrong) == 1:
        ((line, message),) = wrong
        raise InvalidInput(f"{name}, line {line}: {cut(message, _LONGEST)}{why}", subject=name)
    if wrong:
        lines = [f"line {line}: {cut(message, _LONGEST)}" for line, message in wrong[:_MOST]]
        more = [f"and {len(wrong) - _MOST} more"] if len(wrong) > _MOST else []
        raise InvalidInput(
            f"{name} has {len(wrong)} rows that cannot be used{why}", lines=(*lines, *more), subject=name
        )


def _rows(text: str, name: str) -> Iterable[_Row]:
    if is_csv(text, name):
        return _csv_rows(text, name)
    if is_json_lines(text, name):
        rows: object = data.read_lines(text, name)
    else:
        rows = data.read(text, name)
    if isinstance(rows, Mapping):
        rows = rows.get("items", rows.get("associations", [rows]))
    if not isinstance(rows, list) or not all(isinstance(row, Located) for row in rows):
        raise InvalidInput(
            f"{name} is not a list of associations as podid list prints it with -o json, yaml or csv", subject=name
        )
    return [_Row(row.line, row) for row in rows]


def is_json_lines(text: str, name: str) -> bool:
    """Return whether the file has an object on each line, by its name, or because the first line is a complete object
    and more lines follow."""
    first, _, following = text.lstrip().partition("\n")
    several = first.startswith("{") and first.rstrip().endswith("}") and bool(following.strip())
    return several or name.lower().endswith(".jsonl")


def is_csv(text: str, name: str) -> bool:
    """Return whether the file has CSV, by its name, or by the titles on stdin."""
    first = text.partition("\n")[0]
    titles = "," in first and "namespace" in first and not first.lstrip().startswith(("{", "[", "-"))
    return name.lower().endswith(".csv") or (name == "stdin" and titles)


def _csv_rows(text: str, name: str) -> Iterable[_Row]:
    """Yield each row by its columns, without empty cells. Tags are KEY=VALUE, separated by `;`."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    keys: list[str] = []
    try:
        following = 1
        for cells in reader:
            line, following = following, reader.line_num + 1  # a cell may hold line breaks
            if not keys:
                keys = [_column(cell) for cell in cells]
                if "policy" in cells and "session_policy" in cells:  # whether there is one, beside the policy
                    keys[cells.index("session_policy")] = ""
                if twice := next((key for key in keys if key and keys.count(key) > 1), ""):
                    raise InvalidInput(f"{name}, line {line}: column {twice} appears twice", subject=name)
                for title, key in zip(cells, keys, strict=True):
                    if key and key not in (*_TAKEN, *_ASSIGNED):
                        message = f"{title}: not a member of an association{did_you_mean(key, _TAKEN, 1)}"
                        raise InvalidInput(f"{name}, line {line}: {message}", subject=name)
            elif cells:
                yield _csv_row(line, keys, [_FORMULA.sub(r"\1", cell.strip()) for cell in cells])
    except csv.Error as error:
        raise InvalidInput(f"{name}, line {reader.line_num}: this is not CSV: {error}", subject=name) from error


def _column(title: str) -> str:
    key = title.strip().replace("_", "").replace(" ", "")
    return key if key in _TAKEN else _ALSO.get(key, key)


def _csv_row(line: int, keys: Sequence[str], cells: Sequence[str]) -> _Row:
    if len(keys) != len(cells):
        return _Row(line, {}, f"{count_of(len(cells), 'cell')} instead of {len(keys)} as in the header")
    members: dict[str, object] = {key: cell for key, cell in zip(keys, cells, strict=True) if cell and key}
    if members.get("notread"):
        return _Row(line, {"unread": members["notread"]})
    if members.get("policy") == "yes":
        return _Row(line, {}, "policy: CSV cannot contain session policies; use JSON")
    if members.get("policy") == "no":
        del members["policy"]
    if "tags" in members:
        members["tags"] = _tags_of_cell(str(members["tags"]))
    return _Row(line, members)


def _tags_of_cell(cell: str) -> object:
    """Return the tags of KEY=VALUE pairs separated by `;`, or of a JSON object."""
    if not cell.startswith("{"):
        return dict(pair.partition("=")[::2] for pair in cell.split(";"))
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _item(row: _Row) -> FileItem:
    """Return the association of a row. Raise InvalidInput that begins with the key."""
    if row.wrong:
        raise InvalidInput(row.wrong)
    named: dict[str, object] = {}
    for column, value in row.members.items():
        key = _ALSO.get(column, column)
        if key in named:
            raise InvalidInput(f"{column}: {key} is already specified")
        if key not in (*_TAKEN, *_ASSIGNED):
            raise InvalidInput(f"{column}: not a member of an association{did_you_mean(column, _TAKEN, 1)}")
        named[key] = value
    if named.get("unread"):
        raise InvalidInput(
            "unread: the association could not be read when the list was created, so its role is not known"
        )
    ref = names.ServiceAccountRef(
        _text(named, "namespace", check=names.wrong_namespace),
        _text(named, "serviceAccount", check=names.wrong_account_name),
    )
    role = _text(named, "roleArn", needed=False)
    # null removes the setting
    target = _text(named, "targetRoleArn", needed=False) if "targetRoleArn" in named else None
    with _about("roleArn"):
        role = names.check_role(role) if role else ""
    with _about("targetRoleArn"):
        target = str(names.parse_role_arn(target)) if target else target
    settings = Settings(
        target_role_arn=target,
        disable_session_tags=_tags_off(named),
        policy=_policy(named),
        tags=_tags(named),
    )
    if settings.policy and settings.disable_session_tags is False:
        raise InvalidInput("policy: EKS accepts no session policy with session tags")
    # a CSV file contains the add-on's name; an association of another tool can be copied
    owner = str(named.get("owner") or "")
    addon = owner.removeprefix(_ADDON) if owner.startswith(_ADDON) else ""
    cluster = _cluster(named, role)
    return FileItem(ref, role, settings, owner=str(named.get("ownerArn") or addon), line=row.line, cluster=cluster)


def _cluster(row: Mapping[str, object], role: str) -> str:
    """Return the cluster's ARN if the row has its region and account, otherwise its name."""
    text = _text(row, "clusterName", needed=False)
    arn = cluster_of(text, _text(row, "associationArn", needed=False))
    if (placed := _PLACED.fullmatch(text)) and role.startswith("arn:"):
        name, account, region = placed.groups()
        own = names.parse_role_arn(role)
        arn = f"arn:{own.partition}:eks:{region}:{account or own.account}:cluster/{name}"
    with _about("clusterName"):
        if arn.startswith("arn:"):
            names.parse_cluster_arn(arn)
        elif arn:
            names.check_cluster_name(arn)
    return arn


def cluster_of(name: str, association_arn: str) -> str:
    """Return the ARN of an association's cluster; its name if the association's ARN is not known."""
    parts = association_arn.split(":", 5)
    if not name or name.startswith("arn:") or len(parts) < 6:
        return name
    return ":".join((*parts[:5], f"cluster/{name}"))


@contextmanager
def _about(key: str) -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{key}: {error.message}") from error


def _text(
    row: Mapping[str, object], key: str, *, needed: bool = True, check: Callable[[str], str] = lambda _: ""
) -> str:
    """Return the text of a cell or member. `check` returns the mistake in the value."""
    value = row.get(key)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        raise InvalidInput(f"{key}: missing" if value in (None, "") else f"{key}: {value!r} is not text")
    if why := check(value):
        raise InvalidInput(f"{key}: {why}")
    return value


def _tags_off(row: Mapping[str, object]) -> bool | None:
    words = {"on": False, "off": True}
    if "sessionTags" in row:
        value = row["sessionTags"]
        if isinstance(value, bool):
            return not value
        if isinstance(value, str) and value in words:
            return words[value]
        raise InvalidInput(f"sessionTags: {value!r} is neither on nor off")
    value = row.get("disableSessionTags")
    if value in ("true", "false"):  # a cell of CSV
        return value == "true"
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"disableSessionTags: {value!r} is neither true nor false")
    return value


def _policy(row: Mapping[str, object]) -> str | None:
    if "policy" not in row:
        return None
    value = row["policy"]
    if value is None or value == "":
        return ""
    with _about("policy"):
        document = trust.read_json(value) if isinstance(value, str) else value
    return session_policy_text(check_policy_document(document, "policy"), "policy")


def _tags(row: Mapping[str, object]) -> dict[str, str]:
    value = row.get("tags") or {}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise InvalidInput("tags: not an object with text values")
    return tags_of_copy(value)


def tags_of_copy(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags without those of owners. The file of the original did not create the copy, and must not delete
    it."""
    return {key: value for key, value in without_marks(tags).items() if key != OWNER_KEY}
