"""Check permission policies before anything is written, here and by AWS: a policy that IAM rejects must not leave an
incomplete role.

Sources: IAM User Guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements" and "IAM and AWS STS
quotas".
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from podid.domain import trust
from podid.domain.errors import Conflict, InvalidInput, PodidError
from podid.domain.iam import INLINE_QUOTA, SESSION_POLICY_QUOTA, PolicyFinding
from podid.domain.plan import Action, Plan, document
from podid.domain.trust.conditions import is_operator
from podid.ops.change.kinds import ASSOCIATION, ROLE_POLICY
from podid.ops.clients import Clients

_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_SID = re.compile(r"[A-Za-z0-9]*")
_VERSIONS = ("2012-10-17", "2008-10-17")
_TOP = frozenset({"Version", "Id", "Statement"})
_MEMBERS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


def policy_name(file_name: str) -> str:
    """Return an inline policy's name: the stem of its file, without characters that IAM rejects."""
    stem = file_name.rsplit("/", 1)[-1].removesuffix(".json")
    name = re.sub(r"[^\w+=,.@-]", "-", stem, flags=re.ASCII).strip("-")[:128]
    return name or "policy"


def check_policy_document(value: object, source: str) -> Mapping[str, object]:
    """Return a permissions policy that IAM may accept. Raise InvalidInput with the place of the mistake."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{source} is not a policy document: it is not an object", subject=source)
    for place, mistake in policy_mistakes(value):
        raise InvalidInput(f"{source}: {place} {mistake}" if place else f"{source} {mistake}", subject=source)
    return value


def read_policies(read_file: Callable[[str], str], files: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """Return inline policies by the names of their files. Raise InvalidInput, which names the file."""
    policies: dict[str, Mapping[str, object]] = {}
    for file in files:
        name = policy_name("stdin" if file == "-" else file)
        if name in policies:
            raise InvalidInput(f"Two policy files would both become the inline policy {name}; rename one", subject=file)
        policies[name] = read_policy(read_file, file)
    return policies


def read_policy(read_file: Callable[[str], str], file: str) -> Mapping[str, object]:
    """Read as strictly as a trust policy. Raise InvalidInput, which names the file."""
    try:
        value = trust.read_json(read_file(file))
    except trust.TrustPolicyError as error:
        raise InvalidInput(f"{file}: {error.message}", subject=file) from error
    return check_policy_document(value, file)


def inline_size(document: Mapping[str, object]) -> int:
    """Return the number of characters that IAM counts: white space does not count."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return sum(not letter.isspace() for letter in text)


def check_inline_size(role_name: str, policies: Mapping[str, Mapping[str, object]]) -> None:
    """Raise Conflict if these inline policies, all of the role's, exceed IAM's limit."""
    size = sum(map(inline_size, policies.values()))
    if size > INLINE_QUOTA:
        raise Conflict(
            f"The inline policies of role {role_name} would have {size:,} characters; IAM allows {INLINE_QUOTA:,}",
            advice="Create a managed policy from the largest inline policy, and attach it to the role instead.",
            subject=role_name,
        )


def policy_mistakes(policy: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (place, mistake) in the order of the document."""
    yield from _wrong_at_top(policy)
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        yield "", "is not a policy document: Statement is missing or empty"
        return
    sids: set[object] = set()
    for number, statement in enumerate(statements):
        place = f"Statement[{number}]"
        if not isinstance(statement, dict):
            yield place, "is not an object"
            continue
        yield from ((f"{place}{inner}", mistake) for inner, mistake in _wrong_in_statement(statement))
        sid = statement.get("Sid")
        if sid and sid in sids:
            yield f"{place}.Sid", "is not unique"
        sids.add(sid if isinstance(sid, str) else None)


def trust_mistakes(policy: trust.Policy) -> Iterator[tuple[str, str]]:
    """Yield (place, mistake) for each part of a trust policy that IAM rejects."""
    yield from trust_form_mistakes(policy)
    if not policy.statements:
        yield "Statement", "is empty"
    for statement in policy.statements:
        place = f"Statement[{statement.index}]"
        yield from ((f"{place}.{name}", "is not a member of a trust policy") for name in statement.strange)
        for action in statement.actions:
            if not set("*?") & set(action) and not action.lower().startswith(("sts:", "rolesanywhere:")):
                yield f"{place}.Action", f"has {action!r}: a trust policy can contain only actions of STS"
        for condition in statement.conditions:
            if not is_operator(condition.operator):
                yield f"{place}.Condition.{condition.operator}", "is not a known condition operator"


def trust_form_mistakes(policy: trust.Policy) -> Iterator[tuple[str, str]]:
    """Yield (place, mistake) for each wrong Sid and each wrong member at the top, which do not change an evaluation."""
    yield from _wrong_at_top(policy.document)
    sids: set[str] = set()
    for statement in policy.statements:
        place = f"Statement[{statement.index}].Sid"
        if not _SID.fullmatch(statement.sid):
            yield place, "must be letters and digits"
        if statement.sid in sids:
            yield place, "is not unique"
        sids |= {statement.sid} - {""}


def _wrong_at_top(policy: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if "Version" in policy and policy["Version"] not in _VERSIONS:
        yield "Version", f"must be one of {', '.join(_VERSIONS)}"
    for name in policy:
        if name not in _TOP:
            yield name, "is not a known member of a policy"


def _wrong_in_statement(statement: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield ".Effect", "must be Allow or Deny"
    if "Principal" in statement or "NotPrincipal" in statement:
        yield "", "has a Principal: this is a trust or resource policy, not a permissions policy"
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in statement) == (other in statement):
            yield "", f"requires either {one} or {other}"
    for name in statement:
        if name not in _MEMBERS:
            yield f".{name}", "is not a known member of a statement"
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        yield ".Sid", "must be letters and digits"
    for name in ("Action", "NotAction"):
        for value in _texts(statement, name):
            if not isinstance(value, str) or not _ACTION.fullmatch(value):
                yield f".{name}", f"has {value!r}, which is not of the form service:Action"
    for name in ("Resource", "NotResource"):
        for value in _texts(statement, name):
            if not isinstance(value, str) or not _is_resource(value):
                yield f".{name}", f"has {value!r}, which is neither an ARN nor *"
    yield from _wrong_in_condition(statement.get("Condition", {}))


def _texts(statement: Mapping[str, object], name: str) -> list[object]:
    if name not in statement:
        return []
    value = statement[name]
    return (value or [value]) if isinstance(value, list) else [value]


def _is_resource(text: str) -> bool:
    parts = text.split(":", 5)
    return text == "*" or (parts[0] in ("arn", "arn*") and (len(parts) == 6 or parts[-1].endswith("*")))


def _wrong_in_condition(condition: object) -> Iterator[tuple[str, str]]:
    if not isinstance(condition, dict):
        yield ".Condition", "is not an object"
        return
    for operator, keys in condition.items():
        if not is_operator(operator):
            yield f".Condition.{operator}", "is not a known condition operator"
        if not isinstance(keys, dict):
            yield f".Condition.{operator}", "is not an object"


def session_policy_text(document: Mapping[str, object], name: str) -> str:
    """Return the session policy as EKS accepts it. Raise InvalidInput with its name if it is too long.

    Characters that STS accepts in a policy (U+0020 to U+00FF) count once. Others are sent and counted as JSON escapes,
    see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.
    """
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    text = re.sub(r"[^ -\u00ff]", lambda match: json.dumps(match[0])[1:-1], text)
    if len(text) > SESSION_POLICY_QUOTA:
        raise InvalidInput(
            f"{name} has {len(text):,} characters; EKS allows {SESSION_POLICY_QUOTA:,} in a session policy",
            subject=name,
        )
    return text


_TOLD = ("SECURITY_WARNING", "WARNING")


def validated(plan: Plan, clients: Clients) -> Plan:
    """Return the plan with the warnings of IAM Access Analyzer about the policies that it would write. Session policies
    are validated like a role's policies. Raise InvalidInput for an error. If Access Analyzer is not available, a note
    says that the policies were checked only here."""
    notes: list[str] = []
    checked: list[Mapping[str, object]] = []
    for action in plan.actions:
        written = _written(action)
        if written is None or written[1] in checked:
            continue
        subject, document = written
        checked.append(document)
        try:
            findings = clients.aws.access_analyzer.validate_policy(document, subject)
        except PodidError as error:
            why = f"requires {error.permission}" if error.permission else error.message.partition(" (")[0]
            notes.append(
                "policies were checked only for JSON, structure and size: IAM Access Analyzer could not check them "
                f"({why})"
            )
            break
        if errors := [item for item in findings if item.kind == "ERROR"]:
            raise InvalidInput(
                f"IAM Access Analyzer rejects the {subject}: {_words(errors[0])}",
                lines=tuple(_words(item) for item in errors[1:]),
                subject=subject,
            )
        notes += [f"{subject}: {_words(item)}" for item in findings if item.kind in _TOLD]
    return plan.noting(tuple(dict.fromkeys(notes)))


def _written(action: Action) -> tuple[str, Mapping[str, object]] | None:
    """Return the name and the document of the policy that the action writes; None if it writes none."""
    after, before = action.after or {}, action.before or {}
    if action.kind == ROLE_POLICY.name and after:
        return ROLE_POLICY.subject(action), document(after, "policyDocument")
    policy = after.get("policy") if action.kind == ASSOCIATION.name else None
    if not policy or policy == before.get("policy"):
        return None
    return f"session policy of {action.target}", cast("Mapping[str, object]", json.loads(str(policy)))


def _words(item: PolicyFinding) -> str:
    place = f"{item.place}: " if item.place else ""
    return f"{place}{item.details.rstrip('.')} ({item.code})"
