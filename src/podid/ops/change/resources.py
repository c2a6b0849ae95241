"""How each kind of resource in a plan is read and written. States are the JSON-able values that plans carry."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from podid.domain.errors import AlreadyExists, Conflict, NotFound, PodidError, RoleUnknown, TimedOut, TrustRefused
from podid.domain.model import Addon, Association, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, ResourceKind, State, Verb, matches

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter

# AWS refuses a role that it does not know yet, or whose new trust it has not seen, for seconds up to about two minutes
# (Terraform's provider retries likewise, hashicorp/terraform-provider-aws#34717)
PROPAGATION_SECONDS = 120.0


@dataclass(slots=True)
class Resources:
    """The clients that a plan needs, and the clock that its waits go by. `kube` is None without Kubernetes access."""

    eks: Eks
    iam: Iam
    cluster_name: str
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    kube_reader: KubeReader | None = None
    kube_writer: KubeWriter | None = None
    propagation_seconds: float = PROPAGATION_SECONDS

    def read(self, kind: ResourceKind, keys: Mapping[str, str]) -> State | None:
        """The resource as it is now, None if it does not exist. Raises AccessDenied, Unavailable as the clients do."""
        match kind:
            case ResourceKind.ADDON:
                addon = self.eks.find_addon(self.cluster_name, keys["addonName"])
                return None if addon is None or addon.status == "DELETING" else addon_state(addon)
            case ResourceKind.ASSOCIATION:
                ref = ServiceAccountRef(keys["namespace"], keys["serviceAccount"])
                association = self.eks.find_association(self.cluster_name, ref)
                return None if association is None else association_state(association)
            case ResourceKind.ROLE:
                role = self.iam.find_role(keys["roleName"])
                return None if role is None else role_state(role)
            case ResourceKind.ROLE_TRUST:
                role = self.iam.find_role(keys["roleName"])
                return None if role is None else trust_state(role)
            case ResourceKind.ROLE_POLICY:
                inline = self._policies(keys["roleName"])[0]
                document = inline.get(keys["policyName"])
                return None if document is None else {**keys, "policyDocument": document}
            case ResourceKind.ROLE_ATTACHMENT:
                attached = self._policies(keys["roleName"])[1]
                return dict(keys) if keys["policyArn"] in attached else None
            case ResourceKind.SERVICE_ACCOUNT:
                ref = ServiceAccountRef(keys["namespace"], keys["name"])
                account = self._reader().find_service_account(ref)
                return None if account is None else dict(keys)
            case ResourceKind.RESTART:
                return None

    def policies_of(self, role_name: str) -> frozenset[str]:
        """Names of the role's inline policies and ARNs of its attached ones; empty when there is no such role."""
        inline, attached = self._policies(role_name)
        return frozenset(inline) | attached

    def write(self, action: Action) -> State | None:
        """Makes the change and returns the state that the service answered, None for a deletion."""
        match action.kind:
            case ResourceKind.ADDON:
                return self._write_addon(action)
            case ResourceKind.ASSOCIATION:
                return self._write_association(action)
            case ResourceKind.ROLE:
                return self._write_role(action)
            case ResourceKind.ROLE_TRUST:
                return self._write_trust(action)
            case ResourceKind.ROLE_POLICY:
                return self._write_policy(action)
            case ResourceKind.ROLE_ATTACHMENT:
                if action.after is not None:
                    self.iam.attach_policy(action.keys["roleName"], action.keys["policyArn"])
                else:
                    self.iam.detach_policy(action.keys["roleName"], action.keys["policyArn"])
                return action.after
            case ResourceKind.SERVICE_ACCOUNT:
                return self._write_service_account(action)
            case ResourceKind.RESTART:
                raise Conflict("A restart cannot be replayed; use podid restart", subject=action.target)

    def _policies(self, role_name: str) -> tuple[Mapping[str, Mapping[str, object]], set[str]]:
        try:
            policies = self.iam.get_policies(role_name)
        except NotFound:
            return {}, set()
        return policies.inline, {policy.arn for policy in policies.attached}

    def _write_addon(self, action: Action) -> State | None:
        name = action.keys["addonName"]
        if action.after is None:
            self.eks.delete_addon(self.cluster_name, name, preserve=False)
            return None
        if action.verb is Verb.UPDATE:
            self.eks.update_addon(
                self.cluster_name,
                name,
                version=_text(action.after, "addonVersion") or None,
                configuration_values=_text(action.after, "configurationValues") or None,
                token=_token(),
            )
            return action.after
        addon = self.eks.create_addon(
            self.cluster_name,
            name,
            version=_text(action.after, "addonVersion") or None,
            configuration_values=_text(action.after, "configurationValues") or None,
            token=_token(),
        )
        return addon_state(addon)

    def _write_association(self, action: Action) -> State | None:
        before, after = action.before, action.after
        if after is None:
            self.eks.delete_association(self.cluster_name, self._association_id(action))
            return None
        if before is not None:
            changed = {key: value for key, value in after.items() if before.get(key) != value}
            association = self._until_propagated(
                lambda: self.eks.update_association(
                    self.cluster_name,
                    self._association_id(action),
                    role_arn=cast("str | None", changed.get("roleArn")),
                    target_role_arn=_clearable(changed, "targetRoleArn"),
                    disable_session_tags=cast("bool | None", changed.get("disableSessionTags")),
                    policy=_clearable(changed, "policy"),
                    token=_token(),
                )
            )
            return association_state(association)
        ref = ServiceAccountRef(action.keys["namespace"], action.keys["serviceAccount"])
        token = _token()
        association = self._until_propagated(
            lambda: self.eks.create_association(
                self.cluster_name,
                ref,
                _text(after, "roleArn"),
                target_role_arn=_text(after, "targetRoleArn") or None,
                disable_session_tags=cast("bool | None", after.get("disableSessionTags")) or None,
                policy=_text(after, "policy") or None,
                tags=cast("Mapping[str, str]", after.get("tags") or {}),
                token=token,
            )
        )
        return association_state(association)

    def _association_id(self, action: Action) -> str:
        current = self.read(ResourceKind.ASSOCIATION, action.keys)
        if current is None:
            raise NotFound(f"No association for {action.target} in cluster {self.cluster_name}", subject=action.target)
        if not matches(action.before, current):
            raise Conflict(
                f"The association of {action.target} has changed since the plan was made", subject=action.target
            )
        return _text(current, "associationId")

    def _until_propagated(self, call: Callable[[], Association]) -> Association:
        """Repeats `call` while EKS does not know the role yet, or still remembers an association that was deleted."""
        deadline = self.monotonic() + self.propagation_seconds
        pause = 1.0
        while True:
            try:
                return call()
            except (RoleUnknown, TrustRefused) as error:
                failure: PodidError = error
            except AlreadyExists as error:
                if self._exists(error.existing_id):
                    raise
                failure = error
            if self.monotonic() + pause > deadline:
                raise failure
            self.sleep(pause)
            pause = min(pause * 1.5, 8.0)

    def _exists(self, association_id: str) -> bool:
        if not association_id:
            return True
        try:
            self.eks.get_association(self.cluster_name, association_id)
        except NotFound:
            return False  # deletion is eventually consistent, aws-controllers-k8s/community#2684
        return True

    def _write_role(self, action: Action) -> State | None:
        after = action.after
        if after is None:
            self.iam.delete_role(action.keys["roleName"])
            return None
        if action.before is not None:
            raise Conflict(f"Role {action.target} cannot be changed as a whole", subject=action.target)
        role = self.iam.create_role(
            action.keys["roleName"],
            cast("Mapping[str, object]", after["trustPolicy"]),
            path=_text(after, "path") or "/",
            description=_text(after, "description"),
            tags=cast("Mapping[str, str]", after.get("tags") or {}),
            max_session_seconds=cast("int", after.get("maxSessionDuration") or 3600),
            permissions_boundary=_text(after, "permissionsBoundary") or None,
        )
        return role_state(role)

    def _write_trust(self, action: Action) -> State | None:
        """IAM has no compare-and-swap: read just before writing and read back after."""
        name = action.keys["roleName"]
        if action.after is None:
            raise Conflict(f"The trust policy of {name} cannot be removed, only changed", subject=name)
        wanted = cast("Mapping[str, object]", action.after["policyDocument"])
        current = trust_state(self.iam.get_role(name))
        if not matches(action.before, current):
            raise Conflict(f"The trust policy of role {name} has changed since the plan was made", subject=name)
        self.iam.update_trust(name, wanted)
        for pause in (0.0, 0.5, 1.0, 2.0, 4.0):
            if pause:
                self.sleep(pause)
            if self.iam.get_role(name).trust == wanted:
                return action.after
        raise TimedOut(
            f"IAM accepted the trust policy of role {name} but does not give it back yet",
            hint=("podid", "role", "show", name),
            subject=name,
        )

    def _write_policy(self, action: Action) -> State | None:
        keys = action.keys
        if action.after is None:
            self.iam.delete_inline_policy(keys["roleName"], keys["policyName"])
            return None
        document = cast("Mapping[str, object]", action.after["policyDocument"])
        self.iam.put_inline_policy(keys["roleName"], keys["policyName"], document)
        return action.after

    def _write_service_account(self, action: Action) -> State | None:
        if self.kube_writer is None:
            raise Conflict(f"No Kubernetes access to change service account {action.target}", subject=action.target)
        ref = ServiceAccountRef(action.keys["namespace"], action.keys["name"])
        if action.after is None:
            self.kube_writer.delete_service_account(ref)
        else:
            self.kube_writer.create_service_account(ref)
        return action.after

    def _reader(self) -> KubeReader:
        if self.kube_reader is None:
            raise Conflict("No Kubernetes access")
        return self.kube_reader


def addon_state(addon: Addon) -> dict[str, object]:
    return {
        "addonName": addon.name,
        "addonVersion": addon.version,
        "configurationValues": addon.configuration_values,
    }


def association_state(association: Association) -> dict[str, object]:
    return {
        "namespace": association.namespace,
        "serviceAccount": association.service_account,
        "roleArn": association.role_arn,
        "targetRoleArn": association.target_role_arn,
        "disableSessionTags": bool(association.disable_session_tags),
        "policy": association.policy,
        "tags": dict(association.tags),
        "associationId": association.association_id,
    }


def role_state(role: Role) -> dict[str, object]:
    return {
        "roleName": role.name,
        "roleArn": role.arn,
        "path": role.path,
        "description": role.description,
        "maxSessionDuration": role.max_session_seconds,
        "permissionsBoundary": role.permissions_boundary_arn,
        "tags": dict(role.tags),
        "trustPolicy": dict(role.trust),
    }


def trust_state(role: Role) -> dict[str, object]:
    return {"roleName": role.name, "policyDocument": dict(role.trust)}


def _text(state: State, key: str) -> str:
    value = state.get(key)
    return value if isinstance(value, str) else ""


def _clearable(changed: Mapping[str, object], key: str) -> str | None:
    """None leaves the member alone, "" clears it (what AWS's own ACK controller sends, eks-controller#164)."""
    if key not in changed:
        return None
    value = changed[key]
    return value if isinstance(value, str) else ""


def _token() -> str:
    """One clientRequestToken for one logical change: the service makes repeats of the same request harmless."""
    return uuid.uuid4().hex
