"""The actions of AWS services: their access levels and the types of resources that they apply to.

AWS classifies each action: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, lru_cache

from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.text import nearest, short_list
from podid.domain.wildcards import ANY, VARIABLE, covers_arn, matches, overlap_arn, pattern


class AccessLevel(StrEnum):
    """The access levels of AWS, from the least to the most powerful."""

    LIST = "list"
    READ = "read"
    TAGGING = "tagging"
    WRITE = "write"
    PERMISSIONS = "permissions-management"

    @property
    def words(self) -> str:
        return self.value.replace("-", " ")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`arn` is the pattern of the ARNs of its resources."""

    name: str
    arn: str


@dataclass(frozen=True, slots=True)
class ServiceAction:
    """`name` is SERVICE:Action. Without `types`, the resource of each request is `*`."""

    name: str
    level: AccessLevel
    types: tuple[ResourceType, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """`actions` are by name in lower case, without the prefix."""

    prefix: str
    title: str
    types: tuple[ResourceType, ...]
    actions: dict[str, ServiceAction]

    def applies(self, action: ServiceAction, resource: str) -> bool:
        return resource == ANY or not set(action.types).isdisjoint(_types_of(self.types, resource))


@lru_cache(maxsize=4096)
def _types_of(types: tuple[ResourceType, ...], resource: str) -> frozenset[ResourceType]:
    """Return the types that a resource can have. The ARN of a bucket, `arn:…:*`, also matches that of an object,
    `arn:…:*/*`: if all resources have the narrower type, none has the wider one."""
    possible = [item for item in types if overlap_arn(item.arn, resource)]
    certain = [item for item in possible if covers_arn(item.arn, resource)]
    wider = {
        item
        for item in possible
        for other in certain
        if covers_arn(item.arn, other.arn) and not covers_arn(other.arn, item.arn)
    }
    return frozenset(possible) - wider


@dataclass(frozen=True)
class ActionTable:
    """The actions of all services, of one day. `lines` are the lines of the data file by the prefix of the service."""

    source: str
    version: str
    date: str
    lines: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "ActionTable":
        header, *rows = text.splitlines()
        head = json.loads(header)
        lines = {line[2 : line.index('"', 2)]: line for line in rows}
        return cls(head["source"], head["version"], head["date"], lines)

    @cached_property
    def _services(self) -> dict[str, Service]:
        return {}

    def service(self, prefix: str) -> Service | None:
        """Return the service with this prefix, such as s3, or None."""
        prefix = prefix.lower()
        if prefix in self.lines and prefix not in self._services:
            self._services[prefix] = _service(self.lines[prefix])
        return self._services.get(prefix)

    def find(self, action: str) -> ServiceAction | None:
        """Return the action of this name, in whatever case, or None."""
        prefix, _, name = action.lower().partition(":")
        service = self.service(prefix)
        return service.actions.get(name) if service is not None else None

    def applies(self, action: ServiceAction, resource: str) -> bool:
        """Return whether a request of the action can have this resource, or one that matches it."""
        service = self.service(action.name.partition(":")[0])
        return service is None or service.applies(action, resource)

    def fitting(self, ruling: Ruling) -> Ruling:
        """Return a ruling on any resource with only the resources that the action applies to. If it applies to none of
        the allowed ones, no request is allowed."""
        action = self.find(ruling.action)
        if action is None or not action.types or ruling.resource or ruling.verdict is AccessVerdict.DENIED:
            return ruling
        kept = tuple(item for item in ruling.resources if self.applies(action, item))
        unclear = tuple(item for item in ruling.unclear if self.applies(action, item))
        if kept or unclear or not (ruling.resources or ruling.unclear):
            return replace(ruling, resources=kept, unclear=unclear)
        only = short_list((*ruling.resources, *ruling.unclear))
        reason = f"allowed only on {only}, and it applies to {short_list(item.arn for item in action.types)}"
        return replace(ruling, verdict=AccessVerdict.DENIED, resources=(), except_=(), unclear=(), reason=reason)

    def services(self, actions: str) -> Iterator[Service]:
        """Yield the services that a pattern of actions, such as `s3:*`, may be about."""
        wild = pattern(actions.lower().partition(":")[0])
        for prefix in self.lines:
            if matches(wild, prefix) and (service := self.service(prefix)) is not None:
                yield service

    def expand(self, actions: str) -> tuple[ServiceAction, ...]:
        """Return the actions that match the pattern, by service and name."""
        _, colon, name = actions.lower().partition(":")
        wild = pattern(name if colon else ANY)
        return tuple(
            service.actions[key]
            for service in self.services(actions)
            for key in sorted(service.actions)
            if matches(wild, key)
        )

    def similar(self, action: str) -> list[str]:
        """Return existing actions with similar names, best first."""
        prefix, _, name = action.partition(":")
        service = self.service(prefix)
        if service is None:
            return [f"{near}:{name}" for near in nearest(prefix.lower(), self.lines, 2) if self.find(f"{near}:{name}")]
        names = {item.name.partition(":")[2]: item.name for item in service.actions.values()}
        return [names[near] for near in nearest(name, names, 2)]


def _service(line: str) -> Service:
    prefix, title, levels, listed = json.loads(line)
    types = tuple(ResourceType(name, VARIABLE.sub(ANY, arn)) for name, arn in listed)
    actions: dict[str, ServiceAction] = {}
    for level, names in levels.items():
        for word in names.split():
            name, _, numbers = word.partition("=")
            used = tuple(types[int(number)] for number in numbers.split(",") if number)
            actions[name.lower()] = ServiceAction(f"{prefix}:{name}", AccessLevel(level), used)
    return Service(prefix, title, types, actions)
