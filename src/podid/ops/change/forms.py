"""The form of recorded actions: a file from elsewhere may contain any JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from podid.domain.errors import InvalidInput
from podid.domain.foreign import Malformed
from podid.domain.names import ServiceAccountRef, check_managed_policy, check_role_name, parse_role_arn
from podid.domain.plan import Action, Verb
from podid.ops.change.kinds import ASSOCIATION, KINDS, ROLE, ROLE_POLICY, ROLE_TRUST, TARGET_TRUST, kind_of

# as JSON escapes them, besides tab and line breaks
_CONTROL = re.compile(r"\\u00[01][0-9a-f]|[\x7f-\x9f]")
# members without which a state is of no use
_REQUIRED = {
    ROLE.name: (ROLE.policy,),
    ROLE_POLICY.name: ("policyDocument",),
    ROLE_TRUST.name: (ROLE_TRUST.policy,),
    TARGET_TRUST.name: (TARGET_TRUST.policy,),
    ASSOCIATION.name: ("roleArn",),
}


def check_states(action: Action) -> None:
    """Raise Malformed for an action whose states do not have the form of its kind, or are about two resources."""
    kind = kind_of(action.kind)
    if kind not in KINDS:
        raise Malformed(f"{action.kind!r} is no kind of resource")
    if action.verb is not Verb.NONE and action.verb not in kind.operations:
        raise Malformed(f"podid does not {action.verb} a {kind.name}")
    for state in (state for state in (action.before, action.after) if state is not None):
        for member, value in state.items():
            hint = _hints(kind.state).get(member)
            if hint is None:
                raise Malformed(f"{member} is not a member of a {kind.name}")
            if not _fits(value, hint):
                raise Malformed(f"{member} of {action.target} has another type")
        if any(state.get(key) != value for key, value in action.keys.items()):
            raise Malformed(f"the states of {action.target} are about different resources")
        for member in _REQUIRED.get(action.kind, ()):
            if member not in state:
                raise Malformed(f"{action.target} lacks {member}")


def check_form(action: Action) -> None:
    """Raise Malformed as `check_states`, for an action that changes nothing, and for one that podid would not plan."""
    check_states(action)
    if _CONTROL.search(json.dumps([action.before, action.after], ensure_ascii=False)):
        raise Malformed(f"{action.target} contains control characters")
    # an update keeps all members
    missing = [name for name in action.before or {} if action.after is not None and name not in action.after]
    if missing:
        raise Malformed(f"{action.target} lacks {missing[0]}")
    if action.verb is Verb.NONE:
        raise Malformed(f"the action of {action.target} changes nothing")
    try:
        _check_names(action.keys)
    except InvalidInput as error:
        raise Malformed(error.message) from error


@cache
def _hints(state: type) -> Mapping[str, Any]:
    return get_type_hints(state)


def _fits(value: object, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, item) for item in args)
    if origin is Literal:
        return value in args
    if origin is Mapping or hint is Mapping:
        member = args[1] if args else object
        return isinstance(value, dict) and all(isinstance(k, str) and _fits(v, member) for k, v in value.items())
    if origin is Sequence:
        return isinstance(value, list) and all(_fits(item, args[0]) for item in value)
    if hint is NoneType:
        return value is None
    return hint is object or (isinstance(value, hint) and (hint is bool or not isinstance(value, bool)))


def _check_names(keys: Mapping[str, str]) -> None:
    """Raise InvalidInput for names that AWS or Kubernetes would reject: some become a part of a URL."""
    if "roleName" in keys:
        check_role_name(keys["roleName"])
    if "policyName" in keys:
        check_managed_policy(keys["policyName"])
    if "policyArn" in keys:
        check_managed_policy(keys["policyArn"])
    if "targetRoleArn" in keys:
        parse_role_arn(keys["targetRoleArn"])
    names = keys.get("serviceAccount", keys.get("name"))
    if "namespace" in keys and names is not None:
        ServiceAccountRef.parse(f"{keys['namespace']}/{names}")
