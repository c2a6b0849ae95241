"""Associations that are made again somewhere else: in another cluster, or for another service account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from podid.domain.errors import InvalidInput
from podid.domain.model import Association
from podid.domain.names import ServiceAccountRef, check_role_name, parse_role_arn, role_name
from podid.ops.association.files import FileItem
from podid.ops.association.request import Settings


def all_settings(association: Association) -> Settings:
    """Everything that it has and has not, so that another becomes like it."""
    return Settings(
        target_role_arn=association.target_role_arn or "",
        disable_session_tags=not association.session_tags,
        policy=association.policy or "",
        tags=association.tags,
    )


def copies(associations: Iterable[Association], roles: Mapping[str, str]) -> tuple[FileItem, ...]:
    """What another cluster needs to have the same; `roles` maps roles, by name or ARN, to others. Those that an add-on
    owns are marked: the add-on makes them there."""
    return tuple(
        FileItem(item.ref, _mapped(item.role_arn, roles), all_settings(item), owned=bool(item.owner_arn))
        for item in associations
    )


def _mapped(arn: str, roles: Mapping[str, str]) -> str:
    return roles.get(arn) or roles.get(role_name(arn)) or arn


def role_map(texts: Sequence[str]) -> dict[str, str]:
    """OLD=NEW pairs, each side a role's name or ARN. Raises InvalidInput."""
    found: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals:
            raise InvalidInput(f"--map-role {text!r} is not OLD=NEW", subject=text)
        for role in (old, new):
            if role.startswith("arn:"):
                parse_role_arn(role)
            else:
                check_role_name(role)
        if found.setdefault(old, new) != new:
            raise InvalidInput(f"--map-role names {old} twice", subject=old)
    return found


def moved_item(source: Association, target: ServiceAccountRef) -> FileItem:
    return FileItem(target, source.role_arn, all_settings(source))
