"""Owners that leave no tag: custom resources of ACK and Crossplane, whose controllers can set none, and stacks of
CloudFormation, which does not tag IAM roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, PodidError, Unavailable
from podid.domain.owners import Owner
from podid.ops.change.kinds.base import owner_of_role
from podid.ops.clients import Clients
from podid.ops.declare.marks import Mark


class UnmarkedOwners:
    """The custom resources of one cluster, and the stacks of roles. They are read for a resource that exists and has no
    mark of an owner."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # the reason why they could not be read
        self.unread = ""

    @cached_property
    def _by_id(self) -> Mapping[str, Owner]:
        try:
            return self._clients.kube.reader.list_custom_owners()
        except AccessDenied as error:
            self.unread = f"custom resources that own resources of the plan were not checked: {error.message}"
        except PodidError:
            pass  # without Kubernetes: the effect of the plan says so
        return {}

    def of(self, mark: Mark, resource: Association | Role, *, written: bool) -> Mark:
        """Return the mark with the custom resource that owns the resource. The stack of a role costs a call for each
        role: it is read only for a role that would be `written`."""
        if mark.tool is not None or mark.other_file or (mark.ours and not written):
            return mark
        key = resource.arn if isinstance(resource, Role) else resource.association_id
        owner = self._by_id.get(key)
        if owner is None and written and isinstance(resource, Role) and not mark.ours:
            owner = self._of_stack(resource)
        return mark if owner is None else replace(mark, tool=owner)

    def _of_stack(self, role: Role) -> Owner | None:
        try:
            return owner_of_role(self._clients, role)
        except (AccessDenied, Unavailable) as error:
            why = f"requires {error.permission}" if error.permission else error.message
            self.unread = self.unread or f"whether a stack has role {role.name} was not checked: {why}"
        return None

    def named(self, association: Association) -> Owner | None:
        """Return the custom resource that owns an association, if custom resources were read."""
        return self._by_id.get(association.association_id) if "_by_id" in vars(self) else None
