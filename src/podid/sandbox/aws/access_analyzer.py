"""IAM Access Analyzer's ValidatePolicy, as far as the sandbox knows AWS: actions of the services that it plays, and
iam:PassRole on everything.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

import fnmatch
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from podid.sandbox.aws.policy import as_list, statements
from podid.sandbox.aws.protocol import load_model
from podid.sandbox.aws.service import Call, Handler, Result

_DOCS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
# rights that are no operation of their service
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


def validate_policy(call: Call) -> Result:
    try:
        document = json.loads(call.params["policyDocument"])
    except ValueError:
        return {"findings": [_finding("ERROR", "JSON_SYNTAX_ERROR", "Fix the JSON syntax error.", [])]}
    if not isinstance(document, dict):
        return {"findings": [_finding("ERROR", "DATA_TYPE_MISMATCH", "The text does not match the expected type.", [])]}
    found = [item for n, s in enumerate(statements(json.dumps(document))) for item in _of_statement(n, s)]
    page, token = call.page(found)
    return {"findings": page, **({"nextToken": token} if token else {})}


HANDLERS: Mapping[str, Handler] = {"ValidatePolicy": validate_policy}


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
    """Every action of the service; empty for one that the sandbox does not know."""
    if service not in _MORE_ACTIONS:
        return ()
    return (*load_model(service)["operations"], *_MORE_ACTIONS[service])
