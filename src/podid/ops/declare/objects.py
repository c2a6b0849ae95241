"""Read the members of an object in a file, and collect each mistake with its position and key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from podid.domain import trust
from podid.domain.declaration import Position
from podid.domain.errors import InvalidInput
from podid.domain.text import did_you_mean
from podid.local.documents import DocumentNode, Mistakes, NotReadable

T = TypeVar("T")

# keys of other formats, or of AWS, and the key that means the same here
_SAME = {
    "roleArn": "role",
    "roleARN": "role",
    "roleName": "name",
    "targetRoleArn": "targetRole",
    "targetRoleARN": "targetRole",
    "disableSessionTags": "sessionTags",
    "policy": "sessionPolicy",
    "serviceAccountName": "serviceAccount",
    "permissionsBoundary": "boundary",
    "permissionsBoundaryARN": "boundary",
    "sessionDuration": "maxSessionDuration",
    "trustPolicy": "trust",
    "assumeRolePolicyDocument": "trust",
    "managedPolicies": "policies",
    "cluster": "clusters",
}


class Members:
    """An object of a file whose keys are `known`. `path` is its key, such as `roles[0]`. Reading never raises: a
    mistake is collected, and the default returned."""

    def __init__(self, node: DocumentNode, path: str, known: Sequence[str], mistakes: Mistakes) -> None:
        self.at, self.path, self.mistakes = node.at, path, mistakes
        self._known = tuple(known)
        try:
            members = node.members
        except NotReadable as error:
            mistakes.add(node.at, str(error), path)
            members = {}
        self.members = {key: member for key, member in members.items() if key in known}
        self.places: dict[str, Position] = {key: member.at for key, member in self.members.items()}
        for key in members:
            if key not in known:
                mistakes.add(node.keys[key], self._unknown(key), self.key(key))

    def _unknown(self, key: str) -> str:
        near = did_you_mean(key, self._known, 1)
        if not near and _SAME.get(key) in self._known:
            near = f"; did you mean {_SAME[key]}?"
        return f"is not a known key{near}" if near else f"is not a known key; known are {', '.join(self._known)}"

    def key(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Return whether the member has a value."""
        return name in self.members and not self.members[name].null

    def wrong(self, name: str, message: str) -> None:
        """Collect a mistake in a member, or in the object if the member is omitted."""
        node = self.members.get(name)
        self.mistakes.add(node.at if node is not None else self.at, message, self.key(name))

    def read(self, name: str, read: Callable[[DocumentNode], T], default: T) -> T:
        """Return the member, or the default if it is omitted, null or wrong."""
        if not self.has(name):
            return default
        return self.value(self.members[name], self.key(name), read, default)

    def value(self, node: DocumentNode, key: str, read: Callable[[DocumentNode], T], default: T) -> T:
        """Return a value of this object or of one of its lists."""
        try:
            return read(node)
        except NotReadable as error:
            self.mistakes.add(node.at, str(error), key)
        except InvalidInput as error:
            self.mistakes.add(node.at, error.message, key)
        return default

    def text(
        self, name: str, check: Callable[[str], object] = str, *, default: str = "", required: bool = False
    ) -> str:
        """Return text that is not empty. `check` raises InvalidInput."""
        if required and not self.has(name):
            self.wrong(name, "is required")
            return default

        def read(node: DocumentNode) -> str:
            text = node.text
            if not text.strip():
                raise NotReadable("is empty")
            return _checked(text, check)

        return self.read(name, read, default)

    def flag(self, name: str, *, default: bool) -> bool:
        return self.read(name, lambda node: node.flag, default)

    def items(self, name: str) -> Iterator[tuple[DocumentNode, str]]:
        """Yield each item of a list with its key."""
        nothing: tuple[DocumentNode, ...] = ()
        for number, node in enumerate(self.read(name, lambda node: node.items, nothing)):
            yield node, f"{self.key(name)}[{number}]"

    def texts(self, name: str, check: Callable[[str], object] = str) -> tuple[str, ...]:
        """Return the texts of a list that pass the check."""
        values: list[str] = []
        for node, key in self.items(name):
            text = self.value(node, key, lambda node: _checked(node.text, check), "")
            values += (text,) if text else ()
        return tuple(values)

    def objects(self, name: str) -> dict[str, DocumentNode]:
        nothing: dict[str, DocumentNode] = {}
        return self.read(name, lambda node: node.members, nothing)

    def pairs(self, name: str, check: Callable[[str, str], object] = lambda key, value: None) -> dict[str, str]:
        """Return an object whose values are texts."""
        values: dict[str, str] = {}
        for key, node in self.objects(name).items():

            def read(node: DocumentNode, key: str = key) -> str | None:
                check(key, node.text)
                return node.text

            text = self.value(node, f"{self.key(name)}.{key}", read, None)
            if text is not None:
                values[key] = text
        return values

    def document(self, name: str) -> tuple[Mapping[str, object], DocumentNode] | None:
        """Return an object of any form as JSON data, with its node; also from JSON text."""
        if not self.has(name):
            return None
        node = self.members[name]
        wrong = list(node.unreadable())
        for inner, why in wrong:
            self.mistakes.add(inner.at, why, self.key(name))
        if wrong:
            return None
        data = self.value(node, self.key(name), _document, None)
        return None if data is None else (data, node)


def _checked(text: str, check: Callable[[str], object]) -> str:
    check(text)
    return text


def _document(node: DocumentNode) -> Mapping[str, object]:
    data = trust.read_json(node.text) if isinstance(node.value, str) and not node.plain else node.data()
    if not isinstance(data, dict):
        raise NotReadable("must be an object, or an object as JSON text")
    return data
