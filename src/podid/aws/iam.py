"""The client for IAM: roles, their trust policies and permissions; and the findings of IAM Access Analyzer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

from podid.aws import decode
from podid.aws.api import ServiceGateway
from podid.aws.decode import Detail, ManagedPolicy, details, principals
from podid.aws.errors import unreadable
from podid.aws.iam_providers import IamProviders, tags_of
from podid.calls import pacing
from podid.domain.aws import AttachedPolicy, Decision, Role, RolePolicies
from podid.domain.errors import NotFound, PodidError, Unavailable
from podid.domain.foreign import Object, Reading, about, at, inners, list_at, numbers, text
from podid.domain.iam import AccessedService, PolicyFinding, PolicyNames, Principal
from podid.domain.permissions import needs

T = TypeVar("T")


class Iam(IamProviders):
    """IAM of one account. In addition to the errors below, every method raises AccessDenied, CredentialsError and
    Unavailable; writes raise LostAnswer (see `Api.write`), and ConcurrentModification during another change. Methods
    that yield pairs make several calls at a time: they yield each item with its answer in order of arrival, and an
    error in place of an answer that could not be read."""

    def _role_of(self, name: str) -> Reading[Role]:
        return at("Role", about(self._own_role, RoleName=name))

    def _own_role(self, data: Object) -> Role:
        return self._api.of_caller(decode.role, "Arn", "iam", _resource)(data)

    @needs("iam:GetRole")
    def get_role(self, name: str) -> Role:
        """Return the role with tags and permissions boundary."""
        role, missing = None, NotFound(f"Role {name} does not exist", subject=name)
        try:
            role = self._api.read("GetRole", {"RoleName": name}, _role(name), self._role_of(name))
        except NotFound as error:
            missing = error
        if (role := self._written.role("GetRole", name, role)) is None:
            raise missing
        return role

    @needs("iam:GetRole")
    def find_role(self, name: str) -> Role | None:
        role = self._api.find("GetRole", {"RoleName": name}, _role(name), self._role_of(name))
        return self._written.role("GetRole", name, role)

    @property
    def late_roles(self) -> frozenset[str]:
        """Return the roles that GetRole did not show as they were last changed, in lower case."""
        return self._written.late_roles()

    @property
    def late_policies(self) -> frozenset[tuple[str, str]]:
        """Return (role in lower case, inline policy) of those that GetRolePolicy did not show as they were last
        written."""
        return self._written.late_policies()

    @needs(find_role)
    def find_roles(self, names: Sequence[str]) -> Iterator[tuple[str, Role | PodidError | None]]:
        return pacing.fan_out(pacing.attempt(self.find_role), names)

    @needs("iam:ListRoles")
    def list_roles(self) -> tuple[Role, ...]:
        """Return all roles, sorted by name. IAM's lists omit tags and permissions boundary: they are empty here."""
        listed = self._written.roles("ListRoles", self._iter_roles(self._own_role))
        return tuple(sorted(listed, key=lambda role: role.name))

    @needs(list_roles)
    def list_role_names(self) -> tuple[str, ...]:
        return tuple(role.name for role in self.list_roles())

    def _iter_roles(self, read: Reading[T]) -> Iterator[T]:
        return self._api.items("ListRoles", {}, "the roles", list_at("Roles", read))

    @needs("iam:CreateRole", "iam:TagRole")
    def create_role(
        self,
        name: str,
        trust: Mapping[str, object],
        settings: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Role:
        """Create a role. `settings` are other members of the request. Raise AlreadyExists if the name is in use,
        whatever the path."""
        params = {"RoleName": name, "AssumeRolePolicyDocument": _json(trust), **(settings or {})}
        if tags:
            params["Tags"] = tags_of(tags)
        role = self._api.write("CreateRole", params, _role(name), self._role_of(name))
        members = settings or {}
        # optional members of the answer: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
        whole = replace(
            role,
            description=str(members.get("Description") or ""),
            max_session_seconds=cast("int", members.get("MaxSessionDuration") or role.max_session_seconds),
            permissions_boundary_arn=str(members.get("PermissionsBoundary") or ""),
            tags=dict(tags or {}),
        )
        self._written.created(whole)
        return role

    @needs("iam:DeleteRole")
    def delete_role(self, name: str) -> None:
        """Delete the role. Raise Conflict while it has policies or instance profiles."""
        self._api.write("DeleteRole", {"RoleName": name}, _role(name))
        self._written.deleted(name)

    @needs("iam:ListInstanceProfilesForRole")
    def list_instance_profiles(self, name: str) -> tuple[str, ...]:
        """Return the names of the instance profiles with the role, sorted. IAM does not delete a role with any."""
        read = list_at("InstanceProfiles", partial(text, name="InstanceProfileName"))
        params = {"RoleName": name}
        return tuple(sorted(self._api.items("ListInstanceProfilesForRole", params, _role(name), read)))

    @needs("iam:GetInstanceProfile")
    def find_profile_role(self, name: str) -> str:
        """Return the ARN of the role in an instance profile; empty without a role, or without the profile."""
        params, read = {"InstanceProfileName": name}, at("InstanceProfile", list_at("Roles", partial(text, name="Arn")))
        roles = self._api.find("GetInstanceProfile", params, f"instance profile {name}", read)
        return next(iter(roles or ()), "")

    @needs("iam:UpdateAssumeRolePolicy")
    def update_trust(self, name: str, document: Mapping[str, object]) -> None:
        """Replace the whole trust policy. IAM has no compare-and-swap: read it just before, and read it back after."""
        self._api.write("UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": _json(document)}, _role(name))
        self._written.changed(name, trust=document)

    @needs("iam:UpdateRole")
    def update_role(self, name: str, description: str, max_session_seconds: int) -> None:
        """Replace both settings."""
        params = {"RoleName": name, "Description": description, "MaxSessionDuration": max_session_seconds}
        self._api.write("UpdateRole", params, _role(name))
        self._written.changed(name, description=description, max_session_seconds=max_session_seconds)

    @needs("iam:TagRole")
    def tag_role(self, name: str, tags: Mapping[str, str]) -> None:
        """Add the tags, or replace their values; other tags are unchanged."""
        self._api.write("TagRole", {"RoleName": name, "Tags": tags_of(tags)}, _role(name))
        self._written.tagged(name, lambda old: {**old, **tags})

    @needs("iam:UntagRole")
    def untag_role(self, name: str, keys: Sequence[str]) -> None:
        self._api.write("UntagRole", {"RoleName": name, "TagKeys": list(keys)}, _role(name))
        self._written.tagged(name, lambda old: {key: value for key, value in old.items() if key not in keys})

    @needs("iam:PutRolePermissionsBoundary")
    def put_boundary(self, name: str, policy_arn: str) -> None:
        params = {"RoleName": name, "PermissionsBoundary": policy_arn}
        self._api.write("PutRolePermissionsBoundary", params, _role(name))
        self._written.changed(name, permissions_boundary_arn=policy_arn)

    @needs("iam:DeleteRolePermissionsBoundary")
    def delete_boundary(self, name: str) -> None:
        self._api.write("DeleteRolePermissionsBoundary", {"RoleName": name}, _role(name))
        self._written.changed(name, permissions_boundary_arn="")

    @needs("iam:GetAccountAuthorizationDetails")
    def list_principals(self) -> tuple[Principal, ...]:
        """Return the users and roles of the account with their policies, sorted by ARN."""
        return tuple(sorted(principals(self._list_details()), key=lambda principal: principal.arn))

    def _list_details(self) -> tuple[Detail, ...]:
        # IAM's default is 100 items a page
        params, subject = {"MaxItems": 1000}, "the principals of the account"
        read = partial(details, read_role=self._own_role)
        return tuple(
            self._written.details(list(self._api.items("GetAccountAuthorizationDetails", params, subject, read)))
        )

    @needs("iam:GetAccountSummary")
    def get_account_summary(self) -> Mapping[str, int]:
        """Return numbers of entities and quotas by IAM's names, such as Roles and RolesQuota."""
        return self._api.read("GetAccountSummary", {}, "the quotas of the account", at("SummaryMap", numbers))

    @needs("iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies")
    def get_policies(self, name: str) -> RolePolicies:
        """Return attached policies sorted by ARN, and inline policies decoded and sorted by name."""
        inline = self.list_inline_policies(name)
        return RolePolicies(attached=self.list_attached_policies(name), inline=inline)

    @needs("iam:ListAttachedRolePolicies", "iam:ListRolePolicies")
    def get_policy_names(self, name: str) -> PolicyNames:
        """Return the names of the role's permission policies, without their content."""
        attached = tuple(policy.arn for policy in self.list_attached_policies(name))
        return PolicyNames(attached, self._list_inline_names(name))

    @needs(get_policy_names)
    def get_names_of_policies(self, names: Sequence[str]) -> Iterator[tuple[str, PolicyNames | PodidError]]:
        return pacing.fan_out(pacing.attempt(self.get_policy_names), names)

    @needs("iam:ListRolePolicies")
    def get_inline_names(self, names: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...] | PodidError]]:
        """Yield (role, names of its inline policies)."""
        return pacing.fan_out(pacing.attempt(self._list_inline_names), names)

    @needs("iam:GetRolePolicy")
    def get_inline_documents(
        self, policies: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[tuple[str, str], Mapping[str, object] | PodidError | None]]:
        """Yield ((role, inline policy), document), None for a deleted policy."""
        return pacing.fan_out(pacing.attempt(lambda pair: self.find_inline_policy(*pair)), policies)

    @needs("iam:GetRolePolicy")
    def find_inline_policy(self, name: str, policy_name: str) -> Mapping[str, object] | None:
        params = {"RoleName": name, "PolicyName": policy_name}
        read = partial(decode.document, name="PolicyDocument")
        document = self._api.find("GetRolePolicy", params, _inline(name, policy_name), read)
        return self._written.document("GetRolePolicy", name, policy_name, document)

    @needs("iam:ListRolePolicies", "iam:GetRolePolicy")
    def list_inline_policies(self, name: str) -> dict[str, Mapping[str, object]]:
        """Return the inline policies by name, decoded and sorted."""
        pairs = pacing.fan_out(partial(self.find_inline_policy, name), self._iter_inline_names(name))
        return dict(sorted((policy, document) for policy, document in pairs if document is not None))

    @needs("iam:ListAttachedRolePolicies")
    def list_attached_policies(self, name: str) -> tuple[AttachedPolicy, ...]:
        read = list_at("AttachedPolicies", decode.attached_policy)
        listed = self._api.items("ListAttachedRolePolicies", {"RoleName": name}, _role(name), read)
        policies = self._written.attached("ListAttachedRolePolicies", name, listed)
        return tuple(sorted(policies, key=lambda policy: policy.arn))

    @needs("iam:PutRolePolicy")
    def put_inline_policy(self, name: str, policy_name: str, document: Mapping[str, object]) -> None:
        params = {"RoleName": name, "PolicyName": policy_name, "PolicyDocument": _json(document)}
        self._api.write("PutRolePolicy", params, _inline(name, policy_name))
        self._written.put("inline", name, policy_name, exists=True, document=document)

    @needs("iam:DeleteRolePolicy")
    def delete_inline_policy(self, name: str, policy_name: str) -> None:
        self._api.write("DeleteRolePolicy", {"RoleName": name, "PolicyName": policy_name}, _inline(name, policy_name))
        self._written.put("inline", name, policy_name, exists=False)

    @needs("iam:AttachRolePolicy")
    def attach_policy(self, name: str, policy_arn: str) -> None:
        self._api.write("AttachRolePolicy", {"RoleName": name, "PolicyArn": policy_arn}, f"{_role(name)}, {policy_arn}")
        self._written.put("attached", name, policy_arn, exists=True)

    @needs("iam:DetachRolePolicy")
    def detach_policy(self, name: str, policy_arn: str) -> None:
        self._api.write("DetachRolePolicy", {"RoleName": name, "PolicyArn": policy_arn}, f"{_role(name)}, {policy_arn}")
        self._written.put("attached", name, policy_arn, exists=False)

    @needs("iam:GetPolicy")
    def find_policy(self, arn: str) -> ManagedPolicy | None:
        return self._api.find("GetPolicy", {"PolicyArn": arn}, f"policy {arn}", at("Policy", decode.managed_policy))

    @needs("iam:GetPolicy", "iam:GetPolicyVersion")
    def get_managed_document(self, arn: str) -> Mapping[str, object]:
        """Return the default version of a managed policy. Raise NotFound if the policy does not exist."""
        policy = self.find_policy(arn)
        if policy is None:
            raise NotFound(f"Managed policy {arn} does not exist", subject=arn)
        return self._api.read(
            "GetPolicyVersion",
            {"PolicyArn": arn, "VersionId": policy.default_version},
            f"policy {arn}",
            at("PolicyVersion", partial(decode.document, name="Document")),
        )

    @needs(get_managed_document)
    def get_managed_documents(self, arns: Sequence[str]) -> Iterator[tuple[str, Mapping[str, object] | PodidError]]:
        return pacing.fan_out(pacing.attempt(self.get_managed_document), arns)

    def _list_inline_names(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(self._iter_inline_names(name)))

    def _iter_inline_names(self, name: str) -> Iterator[str]:
        listed = self._api.names("ListRolePolicies", {"RoleName": name}, _role(name), "PolicyNames")
        return self._written.policies("ListRolePolicies", "inline", name, listed)

    @needs("iam:GenerateServiceLastAccessedDetails")
    def start_usage_report(self, arn: str) -> str:
        """Start a report on the services and the tracked actions that a role has used, and return its id. Only the same
        caller can read it."""
        params = {"Arn": arn, "Granularity": "ACTION_LEVEL"}
        return self._api.read("GenerateServiceLastAccessedDetails", params, arn, partial(text, name="JobId"))

    @needs("iam:GetServiceLastAccessedDetails")
    def find_usage_report(self, job_id: str, arn: str) -> tuple[AccessedService, ...] | None:
        """Return the services that the role's policies allow, sorted; None while the report is in progress. Raise
        Unavailable if IAM could not make it."""
        statuses: list[str] = []

        def read(page: Object) -> list[AccessedService]:
            statuses.append(text(page, "JobStatus"))
            listed = inners(page, "ServicesLastAccessed") if statuses[-1] == "COMPLETED" else ()
            return [decode.accessed_service(item) for item in listed]

        services = sorted(
            self._api.items("GetServiceLastAccessedDetails", {"JobId": job_id}, arn, read), key=lambda item: item.name
        )
        if "FAILED" in statuses:
            raise Unavailable(f"IAM could not generate the report on the last use of {arn}", subject=arn)
        return None if "IN_PROGRESS" in statuses else tuple(services)

    @needs("iam:SimulatePrincipalPolicy")
    def simulate(
        self,
        principal_arn: str,
        actions: Sequence[str],
        resources: Sequence[str] = ("*",),
        *,
        context: Mapping[str, str | Sequence[str]] | None = None,
        boundary: str = "",
    ) -> tuple[Decision, ...]:
        """Simulate with iam:SimulatePrincipalPolicy. The simulator ignores resource policies. `context` are values of
        condition keys; a list has the values of a multivalued key. Conditions on other keys count as not met:
        `Decision.missing_context_keys` lists them. `boundary` is a policy document that replaces the principal's own
        permissions boundary. Raise UnreadableAnswer if an action has no decision."""
        params: dict[str, Any] = {
            "PolicySourceArn": principal_arn,
            "ActionNames": list(actions),
            "ResourceArns": list(resources),
        }
        if context:
            params["ContextEntries"] = [_context_entry(key, value) for key, value in sorted(context.items())]
        if boundary:
            params["PermissionsBoundaryPolicyInputList"] = [boundary]
        read = list_at("EvaluationResults", decode.decision)
        decisions = tuple(self._api.items("SimulatePrincipalPolicy", params, principal_arn, read))
        names = {name.lower(): name for name in actions}
        if {decision.action.lower() for decision in decisions} != set(names):
            raise unreadable("iam", "SimulatePrincipalPolicy", principal_arn, "its actions are not the requested ones")
        return tuple(replace(decision, action=names[decision.action.lower()]) for decision in decisions)

    @needs(simulate)
    def simulate_pairs(
        self, pairs: Sequence[tuple[str, str]], actions: Sequence[str]
    ) -> Iterator[tuple[tuple[str, str], tuple[Decision, ...] | PodidError]]:
        """Yield ((principal, resource), decisions on the actions)."""

        def one(pair: tuple[str, str]) -> tuple[Decision, ...]:
            return self.simulate(pair[0], actions, (pair[1],))

        return pacing.fan_out(pacing.attempt(one), pairs)


# the types of keys that are no strings; https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
_KEY_TYPES = {
    **dict.fromkeys(("aws:sourceip", "aws:vpcsourceip"), "ip"),
    **dict.fromkeys(("aws:currenttime", "aws:tokenissuetime"), "date"),
    **dict.fromkeys(("aws:epochtime", "aws:multifactorauthage"), "numeric"),
    **dict.fromkeys(("aws:securetransport", "aws:multifactorauthpresent", "aws:viaawsservice"), "boolean"),
}


def _context_entry(key: str, value: str | Sequence[str]) -> dict[str, object]:
    known = _KEY_TYPES.get(key.lower(), "string")
    single = isinstance(value, str)
    return {
        "ContextKeyName": key,
        "ContextKeyValues": [value] if single else list(value),
        "ContextKeyType": known if single else f"{known}List",
    }


def _role(name: str) -> str:
    return f"role {name}"


def _resource(role: Object) -> str:
    return f"role{text(role, 'Path')}{text(role, 'RoleName')}"


def _inline(name: str, policy_name: str) -> str:
    return f"inline policy {policy_name} of role {name}"


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))


class AccessAnalyzer(ServiceGateway):
    @needs("access-analyzer:ValidatePolicy")
    def validate_policy(self, document: Mapping[str, object], subject: str) -> tuple[PolicyFinding, ...]:
        """Return the findings for a permissions policy, in the order of the document. `subject` names it in errors."""
        params = {"policyType": "IDENTITY_POLICY", "policyDocument": _json(document)}
        read = list_at("findings", decode.policy_finding)
        return tuple(self._api.items("ValidatePolicy", params, subject, read))
