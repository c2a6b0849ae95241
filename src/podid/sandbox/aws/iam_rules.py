"""Rules of IAM that moto lacks: quotas, existing principals, error texts, SimulatePrincipalPolicy, ValidatePolicy.

ValidatePolicy of IAM Access Analyzer supports the actions of the services that the sandbox simulates, and reports
iam:PassRole on all resources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from podid.sandbox.aws.moto_backend import IamStore
from podid.sandbox.aws.policy import Keys, as_list, decide, statements
from podid.sandbox.aws.protocol import AwsError, Form, XmlValue, form_tags, load_model, members
from podid.sandbox.aws.service import Call, Result, tag_keys
from podid.sandbox.credentials import Credential

_DOCS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
# permissions without an operation of the same name
_MORE_ACTIONS = {
    "eks": ("AccessKubernetesApi", "MutateViaKubernetesApi"),
    "iam": ("PassRole",),
    "sts": ("SetSourceIdentity", "TagSession", "SetContext"),
    "eks-auth": (),
}
_PASS_ROLE = (
    "Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows "
    "iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs or add the "
    "iam:PassedToService condition key to your statement."
)

NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
INLINE_QUOTA = 10240
ATTACHED_QUOTA = 10
_ROLE_ARN = re.compile(r"arn:[^:]+:iam::\d{12}:(role|user)/(.+)")
_STS_ARN = re.compile(r"arn:[^:]+:sts::\d{12}:(assumed-role|federated-user)/.+")
_OWN = ("GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey")
_ROOT = re.compile(r"(arn:[^:]+:iam::)?\d{12}(:root)?")
_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com|amazonaws\.com\.cn|aws\.internal)")


def validate_policy(call: Call) -> Result:
    try:
        document = json.loads(call.params["policyDocument"])
    except ValueError:
        return {"findings": [_finding("ERROR", "JSON_SYNTAX_ERROR", "Fix the JSON syntax error.", [])]}
    if not isinstance(document, dict):
        return {"findings": [_finding("ERROR", "DATA_TYPE_MISMATCH", "The text does not match the expected type.", [])]}
    findings = [item for n, s in enumerate(statements(json.dumps(document))) for item in _of_statement(n, s)]
    page, token = call.page(findings)
    return {"findings": page, **({"nextToken": token} if token else {})}


def _of_statement(number: int, statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place: list[dict[str, Any]] = [{"value": "Statement"}, {"index": number}]
    for index, action in enumerate(as_list(statement.get("Action", []))):
        service, _, name = str(action).partition(":")
        known = _actions(service.lower())
        if known and not any(fnmatch.fnmatchcase(item.lower(), name.lower()) for item in known):
            details = f"The action {action} does not exist."
            yield _finding("ERROR", "INVALID_ACTION", details, [*place, {"value": "Action"}, {"index": index}])
        passes = statement.get("Effect") == "Allow" and str(action).lower() == "iam:passrole"
        if passes and "*" in as_list(statement.get("Resource", [])) and not statement.get("Condition"):
            path = [*place, {"value": "Resource"}]
            yield _finding("SECURITY_WARNING", "PASS_ROLE_WITH_STAR_IN_RESOURCE", _PASS_ROLE, path)


def _finding(kind: str, code: str, details: str, path: list[dict[str, Any]]) -> dict[str, Any]:
    start = {"line": 1, "column": 0, "offset": 0}
    anchor = f"{kind.lower().replace('_', '-')}-{code.lower().replace('_', '-')}"
    return {
        "findingDetails": details,
        "findingType": kind,
        "issueCode": code,
        "learnMoreLink": f"{_DOCS}#access-analyzer-reference-policy-checks-{anchor}",
        "locations": [{"path": path, "span": {"start": start, "end": start}}],
    }


@cache
def _actions(service: str) -> tuple[str, ...]:
    """Return every action of the service; empty for an unknown service."""
    if service not in _MORE_ACTIONS:
        return ()
    return (*load_model(service)["operations"], *_MORE_ACTIONS[service])


@dataclass(frozen=True, slots=True)
class IamTarget:
    """The resource of an IAM call: the ARN that policies match, and its text in an access-denied message."""

    arn: str
    shown: str


class IamRules:
    """Rules that run before and after moto. `account` is the caller's."""

    def __init__(self, iam: IamStore, partition: str) -> None:
        self._iam = iam
        self._partition = partition

    def target(self, account: str, caller: Credential, action: str, form: Form) -> IamTarget:
        """Return the resource of the call. A call about users without a name applies to the caller."""
        prefix = f"arn:{self._partition}:iam::{account}:"
        for member, kind, find in (
            ("RoleName", "role", self._iam.role_named),
            ("UserName", "user", self._iam.user_named),
        ):
            if member in form:
                principal = find(account, form[member])
                arn = principal.arn if principal is not None else f"{prefix}{kind}{form.get('Path', '/')}{form[member]}"
                return IamTarget(arn, arn if action.startswith("Create") else f"{kind} {form[member]}")
        for member in ("PolicyArn", "PolicySourceArn", "OpenIDConnectProviderArn", "Arn"):
            if member in form:
                return IamTarget(form[member], f"policy {form[member]}" if member == "PolicyArn" else form[member])
        for member, kind in (("InstanceProfileName", "instance-profile"), ("GroupName", "group")):
            if member in form:
                return IamTarget(f"{prefix}{kind}/{form[member]}", f"{kind.replace('-', ' ')} {form[member]}")
        lists = {"ListRoles": "role", "ListUsers": "user", "ListPolicies": "policy", "CreatePolicy": "policy"}
        if action in lists:
            arn = (
                f"{prefix}{lists[action]}{form.get('PathPrefix') or form.get('Path', '/')}{form.get('PolicyName', '')}"
            )
            return IamTarget(arn, arn)
        return IamTarget(caller.arn, caller.arn) if action in _OWN else IamTarget("*", "*")

    def keys(self, form: Form, target: IamTarget) -> Keys:
        """Return the condition keys of the call."""
        tags = self._iam.tags(target.arn)
        keys = {**tag_keys(tags, form_tags(form), tuple(members(form, "TagKeys")))}
        keys |= {f"iam:ResourceTag/{key}": (value,) for key, value in tags}
        for member, name in (("PolicyArn", "iam:PolicyARN"), ("PermissionsBoundary", "iam:PermissionsBoundary")):
            if member in form:
                keys[name] = (form[member],)
        return keys

    def before(self, account: str, action: str, form: Form) -> None:
        """Refuse the call where IAM does, and add the AWS managed policies that it names to moto."""
        for name in ("PolicyArn", "PermissionsBoundary"):
            if name in form:
                self._iam.ensure_managed_policy(account, form[name])
        if action == "ListPolicies" and form.get("Scope", "All") in ("All", "AWS"):
            self._iam.ensure_all_managed_policies(account)
        self._check_exists(account, action, form)
        if action == "CreateRole":
            self._check_name_free(account, form["RoleName"])
        if action == "TagRole":
            self._replace_tags(account, form)
        document = form.get("PolicyDocument" if action == "UpdateAssumeRolePolicy" else "AssumeRolePolicyDocument")
        if action in ("CreateRole", "UpdateAssumeRolePolicy") and document is not None:
            self.check_trust(document, self._iam.trust_quota(account))
        if action == "PutRolePolicy":
            self._check_inline_size(account, form)
        if action == "AttachRolePolicy":
            self._check_attached(account, form)

    def _check_name_free(self, account: str, name: str) -> None:
        """Raise EntityAlreadyExists if a name differs at most by case.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
        """
        if any(role.name.lower() == name.lower() for role in self._iam.backend(account).get_roles()):
            raise AwsError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)

    def _replace_tags(self, account: str, form: Form) -> None:
        """Remove tags whose keys differ from the new ones by case only: IAM replaces them.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
        """
        role, new = self._iam.role_named(account, form["RoleName"]), {key.lower() for key, _ in form_tags(form)}
        role.tags = [tag for tag in role.tags if tag["Key"].lower() not in new]

    def _check_inline_size(self, account: str, form: Form) -> None:
        role = self._iam.role_named(account, form["RoleName"])
        policies = {**role.policies, form["PolicyName"]: form["PolicyDocument"]}
        if sum(len("".join(document.split())) for document in policies.values()) > INLINE_QUOTA:
            message = f"Maximum policy size of {INLINE_QUOTA} bytes exceeded for role {role.name}"
            raise AwsError("LimitExceeded", message, 409)

    def _check_attached(self, account: str, form: Form) -> None:
        role = self._iam.role_named(account, form["RoleName"])
        if form["PolicyArn"] not in role.managed_policies and len(role.managed_policies) >= ATTACHED_QUOTA:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {ATTACHED_QUOTA}", 409)

    def after(self, account: str, action: str, form: Form, deleted: Mapping[str, str]) -> None:
        """Record changes that other services get with a delay, and the effect of a deletion on trust policies. Only
        after success."""
        if action == "CreateRole":
            self._iam.role_made(account, form["RoleName"])
        if action in ("CreateRole", "UpdateAssumeRolePolicy"):
            role = self._iam.role_named(account, form["RoleName"])
            role.assume_role_policy_document = self._with_resolved_principals(role.assume_role_policy_document)
            self._iam.trust_written(account, form["RoleName"])
        for arn, unique_id in deleted.items():
            self._iam.principal_gone(account, arn, unique_id)

    def doomed(self, account: str, action: str, form: Form) -> dict[str, str]:
        """Return ARN and unique id of the principal that the call will delete."""
        entity = None
        if action == "DeleteRole":
            entity = self._iam.role_named(account, form.get("RoleName", ""))
        elif action == "DeleteUser":
            entity = self._iam.user_named(account, form.get("UserName", ""))
        return {entity.arn: entity.id} if entity is not None else {}

    def check_trust(self, document: str, most: int) -> None:
        """Raise MalformedPolicyDocument or LimitExceeded for a trust policy, as IAM does. `most` is the quota."""
        try:
            parsed = json.loads(document)
        except ValueError as error:
            raise _malformed("This policy contains invalid Json") from error
        if not isinstance(parsed, dict) or "Statement" not in parsed:
            raise _malformed("Syntax errors in policy.")
        if len("".join(document.split())) > most:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {most}", 409)
        for statement in statements(document):
            self._check_trust_statement(statement)

    def _check_trust_statement(self, statement: dict[str, Any]) -> None:
        if not re.fullmatch("[0-9A-Za-z]*", str(statement.get("Sid", ""))):
            raise _malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
                "[0-9A-Za-z]*"
            )
        if "Resource" in statement or "NotResource" in statement:
            raise _malformed("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("Missing required field Principal")
        actions = as_list(statement.get("Action", statement.get("NotAction", [])))
        if not all(str(action).lower().startswith("sts:") or action == "*" for action in actions):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        if principal == "*":
            return
        if not isinstance(principal, dict):
            raise _malformed("Syntax errors in policy.")
        for kind, names in principal.items():
            for name in as_list(names):
                if not self._principal_exists(kind, str(name)):
                    raise _malformed(f'Invalid principal in policy: "{kind.upper()}":"{name}"')

    def _with_resolved_principals(self, document: str) -> str:
        """Return the trust policy as IAM returns it: IAM stores principals as a set of ids, so that accounts become
        ARNs, lists of one become strings, and the order of others changes.

        https://github.com/hashicorp/terraform-provider-aws/issues/20665
        https://github.com/aws-controllers-k8s/community/issues/2875
        """
        parsed = json.loads(document)
        for statement in as_list(parsed["Statement"]):
            for member in {"Principal", "NotPrincipal"} & statement.keys():
                principal = statement[member]
                for kind, names in principal.items() if isinstance(principal, dict) else ():
                    arns = [
                        f"arn:{self._partition}:iam::{name}:root" if name.isdecimal() else name
                        for name in reversed(as_list(names))
                    ]
                    principal[kind] = arns[0] if len(arns) == 1 else [*dict.fromkeys(arns)]
        return json.dumps(parsed, separators=(",", ":"))

    def _principal_exists(self, kind: str, name: str) -> bool:
        if kind == "Service":
            return _SERVICE.fullmatch(name) is not None
        if kind == "Federated":
            return True
        if kind != "AWS":
            return kind == "CanonicalUser"
        if name == "*" or _ROOT.fullmatch(name) or _STS_ARN.fullmatch(name):
            return True
        match = _ROLE_ARN.fullmatch(name)
        if match is None:
            return False
        return self._iam.find(name) is not None

    def _check_exists(self, account: str, action: str, form: Form) -> None:
        name = form.get("RoleName")
        if name and action != "CreateRole" and self._iam.role_named(account, name) is None:
            raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        profile = form.get("InstanceProfileName")
        if profile and action != "CreateInstanceProfile":
            known = self._iam.backend(account).instance_profiles.values()
            if all(item.name != profile for item in known):
                raise AwsError("NoSuchEntity", f"Instance Profile {profile} cannot be found.", 404)
        policy = form.get("PolicyName")
        if name and policy and action in ("GetRolePolicy", "DeleteRolePolicy"):
            role = self._iam.role_named(account, name)
            if policy not in role.policies:
                raise AwsError("NoSuchEntity", f"The role policy with name {policy} cannot be found.", 404)
        known_policies = self._iam.backend(account).managed_policies
        boundary = form.get("PermissionsBoundary")
        if boundary and boundary not in known_policies:
            raise AwsError("NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable.", 404)
        arn = form.get("PolicyArn")
        if arn and arn not in known_policies:
            message = f"Policy {arn} was not found."
            if action == "AttachRolePolicy":
                message = f"Policy {arn} does not exist or is not attachable."
            raise AwsError("NoSuchEntity", message, 404)

    def simulate(self, form: Form) -> dict[str, XmlValue]:
        """Simulate with identity policies, the boundary (the role's, or the one in the request) and the organization's
        policies. Like AWS, this ignores conditions of the organization's policies and all trust policies.

        https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
        """
        source = form.get("PolicySourceArn", "")
        match = _ROLE_ARN.fullmatch(source)
        if match is None:
            raise AwsError("InvalidInput", f"Invalid Entity Arn: {source} does not clearly define entity type.", 400)
        if self._iam.find(source) is None:
            kind, path = match.groups()
            raise AwsError("NoSuchEntity", f"The {kind} with name {path.rsplit('/', 1)[-1]} cannot be found.", 404)
        documents = self._iam.identity_policies(source) + members(form, "PolicyInputList")
        context = _context_entries(form)
        boundaries = members(form, "PermissionsBoundaryPolicyInputList")
        boundary = boundaries[0] if boundaries else self._iam.boundary(source)
        layers = {
            ("PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"): []
            if boundary is None
            else [boundary],
            ("OrganizationsDecisionDetail", "AllowedByOrganizations"): self._iam.control_policies,
        }
        results: list[XmlValue] = [
            _evaluation(documents, action, resource, context, layers)
            for action in members(form, "ActionNames")
            for resource in members(form, "ResourceArns") or ["*"]
        ]
        return {"EvaluationResults": results, "IsTruncated": "false"}


def _evaluation(
    documents: list[str],
    action: str,
    resource: str,
    context: Mapping[str, tuple[str, ...]],
    layers: Mapping[tuple[str, str], list[str]],
) -> dict[str, XmlValue]:
    """Return one result. Each of `layers` must allow the action; the keys are the members of the answer about the
    layer."""
    decisions = [decide(document, action, resource, context) for document in documents]
    if any(decision.denied for decision in decisions):
        word = "explicitDeny"
    elif any(decision.allowed for decision in decisions):
        word = "allowed"
    else:
        word = "implicitDeny"
    details: dict[str, XmlValue] = {}
    for (detail, member), limits in layers.items():
        limiting = [decide(document, action, resource, context) for document in limits]
        if any(limit.denied for limit in limiting):
            word = "explicitDeny"
        elif not all(limit.allowed for limit in limiting) and word == "allowed":
            word = "implicitDeny"
        if limiting:
            allows = all(limit.allowed and not limit.denied for limit in limiting)
            details[detail] = {member: str(allows).lower()}
    return {
        **details,
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": word,
        "MatchedStatements": [],
        "MissingContextValues": _missing(documents, context),
    }


def _missing(documents: list[str], context: Mapping[str, tuple[str, ...]]) -> list[XmlValue]:
    known = {key.lower() for key in context}
    condition_keys = {
        key
        for document in documents
        for statement in statements(document)
        for keys in statement.get("Condition", {}).values()
        for key in keys
        if key.lower() not in known
    }
    return sorted(condition_keys)


def _context_entries(form: Form) -> dict[str, tuple[str, ...]]:
    entries: dict[str, tuple[str, ...]] = {}
    index = 1
    while (key := form.get(f"ContextEntries.member.{index}.ContextKeyName")) is not None:
        entries[key] = tuple(members(form, f"ContextEntries.member.{index}.ContextKeyValues"))
        index += 1
    return entries


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message, 400)
