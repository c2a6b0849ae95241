"""Parts that the forms of an export share."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from podid.domain.aws import Association
from podid.ops.change.kinds import ASSOCIATION, ROLE
from podid.ops.declare.export import LiveIdentities, LiveRole, minified, own_tags
from podid.render import sanitize
from podid.render.forms import named_properties


@dataclass(frozen=True, slots=True)
class FormText:
    """The text of a form. `notes` are the facts that the form cannot express; the text has them as comments, if its
    language has comments."""

    text: str
    notes: tuple[str, ...] = ()


def comments(lines: Iterable[str]) -> str:
    """Return the lines as comments of YAML, HCL and shells. Foreign text in them stays in its line."""
    return "".join(f"# {sanitize.line(line)}".rstrip().replace("##", "#\\x23") + "\n" for line in lines)


def head(identities: LiveIdentities, form: str, *lines: str, notes: Sequence[str] = ()) -> str:
    """Return the comment at the top: the source, the requirements of the form, and the notes."""
    cluster = identities.cluster
    source = f"Pod Identity of cluster {cluster.name} in {cluster.region}, account {cluster.account}: {form}"
    return comments((source, *lines, *(f"note: {note}" for note in notes)))


def role_properties(role: LiveRole) -> dict[str, Any]:
    """Return the role with its policies under CloudFormation's property names."""
    return named_properties({**ROLE.state_of(role.role), "tags": role.tags}, role.inline, role.attached)


def association_members(item: Association) -> dict[str, Any]:
    """Return the association's settings under the member names of the EKS API. Defaults are omitted."""
    own = {"policy": minified(item.policy), "tags": own_tags(item.tags), "associationId": ""}
    return present({**ASSOCIATION.state_of(item), **own})


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that have a value."""
    return {key: value for key, value in members.items() if value}


def compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def renamed(members: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the members under the names of another form."""
    return {names.get(key, key): value for key, value in members.items()}


@dataclass(slots=True)
class DistinctNames:
    """Distinct names of one kind of object. `convert` returns a valid name; equal names get a number."""

    convert: Callable[[str], str]
    separator: str
    taken: set[str] = field(default_factory=set)

    def of(self, text: str) -> str:
        name = base = self.convert(text)
        number = 1
        while name in self.taken:
            number += 1
            name = f"{base}{self.separator}{number}"
        self.taken.add(name)
        return name


def object_name(text: str) -> str:
    """Return a valid name of a Kubernetes object: a DNS label of at most 59 characters, which leaves room for a
    number."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:59].strip("-") or "role"


def object_names() -> DistinctNames:
    return DistinctNames(object_name, "-")


def role_names(identities: LiveIdentities, names: DistinctNames) -> dict[str, str]:
    """Return role ARN -> a distinct name of its object."""
    return {role.role.arn: names.of(role.name) for role in identities.roles}
