"""SelfSubjectReview, SelfSubjectAccessReview and SelfSubjectRulesReview."""

from collections.abc import Iterable

from podid.sandbox.kube.authn import MASTERS, User
from podid.sandbox.kube.authz import MASTER_RULE, NON_RESOURCE_RULES, OIDC_RULE, Authorizer, ResourceAccess
from podid.sandbox.kube.objects import Obj, get, rfc3339


def review(kind: str, given: Obj, user: User, authorizer: Authorizer, now: float) -> Obj:
    """The answer to a review of the caller's own identity or rights."""
    if kind == "SelfSubjectReview":
        return {
            "kind": kind,
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"creationTimestamp": rfc3339(now)},
            "status": {"userInfo": _user_info(user)},
        }
    spec: Obj = given.get("spec") or {}
    answer: Obj = {"kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
    if kind == "SelfSubjectAccessReview":
        allowed = _allowed(spec, user, authorizer)
        return {**answer, "spec": spec, "status": {"allowed": allowed}}
    status = {
        "resourceRules": _distinct(map(_resource_rule, authorizer.rules_for(user, spec.get("namespace", "")))),
        "nonResourceRules": _paths(user),
        "incomplete": False,
    }
    return {**answer, "spec": {}, "status": status}


def _user_info(user: User) -> Obj:
    info: Obj = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra}
    return info


def _allowed(spec: Obj, user: User, authorizer: Authorizer) -> bool:
    if path := get(spec, "nonResourceAttributes", "path"):
        return authorizer.path_allowed(user, path)
    asked: Obj = spec.get("resourceAttributes") or {}
    resource = str(asked.get("resource", ""))
    if sub := asked.get("subresource"):
        resource += f"/{sub}"
    access = ResourceAccess(
        str(asked.get("verb", "")),
        str(asked.get("group", "")),
        resource,
        str(asked.get("namespace", "")),
        str(asked.get("name", "")),
    )
    return authorizer.allowed(user, access)


def _resource_rule(rule: Obj) -> Obj:
    kept = ("verbs", "apiGroups", "resources", "resourceNames")
    return {field: rule[field] for field in kept if rule.get(field)}


def _distinct(rules: Iterable[Obj]) -> list[Obj]:
    found: list[Obj] = []
    for rule in rules:
        if rule not in found:
            found.append(rule)
    return found


def _paths(user: User) -> list[Obj]:
    paths: list[Obj] = list(NON_RESOURCE_RULES)
    if MASTERS in user.groups:
        paths.append({"verbs": MASTER_RULE["verbs"], "nonResourceURLs": ["*"]})
    return [*paths, OIDC_RULE]
