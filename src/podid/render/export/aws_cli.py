"""A bash script of AWS CLI commands that creates the roles and associations, in the order that AWS requires.

https://docs.aws.amazon.com/cli/latest/reference/eks/create-pod-identity-association.html
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from podid.domain.aws import Association
from podid.domain.iam import DEFAULT_SESSION_SECONDS
from podid.ops.export.live import LiveIdentities, LiveRole
from podid.render import sanitize
from podid.render.export.parts import FormText, association_members, compact, head

# the AWS CLI sends the content of the file, and version 1 of the page
# https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
_FILES = ("file://", "fileb://", "http://", "https://")
_WAIT = "EKS accepts a new role only after some seconds."
_OPTIONS = {
    "namespace": "--namespace",
    "serviceAccount": "--service-account",
    "roleArn": "--role-arn",
    "targetRoleArn": "--target-role-arn",
    "policy": "--policy",
}


def write(identities: LiveIdentities) -> FormText:
    lines = [line for role in identities.roles for line in _role(role)]
    if identities.roles and identities.associations:
        lines += [f"# {_WAIT}", "sleep 15", ""]
    for item in identities.associations:
        lines += [_association(item, identities.cluster.region), ""]
    notes = (
        *identities.notes,
        "the script only creates: it fails at the first object that exists, and deletes nothing",
    )
    top = "#!/usr/bin/env bash\n" + head(identities, "AWS CLI", notes=notes)
    return FormText("\n".join((f"{top}set -euo pipefail", "", *lines)).rstrip() + "\n", notes)


def _role(role: LiveRole) -> Iterator[str]:
    detail = role.role
    options = {
        "--role-name": role.name,
        "--path": "" if detail.path == "/" else detail.path,
        **_described(detail.description),
        "--max-session-duration": ""
        if detail.max_session_seconds == DEFAULT_SESSION_SECONDS
        else str(detail.max_session_seconds),
        "--permissions-boundary": detail.permissions_boundary_arn,
        "--assume-role-policy-document": compact(detail.trust),
    }
    tags = [{"Key": key, "Value": value} for key, value in role.tags.items()]
    yield _command("iam create-role", {**options, "--tags": compact(tags) if tags else ""})
    for name, document in role.inline.items():
        policy = {"--role-name": role.name, "--policy-name": name, "--policy-document": compact(document)}
        yield _command("iam put-role-policy", policy)
    for arn in role.attached:
        yield _command("iam attach-role-policy", {"--role-name": role.name, "--policy-arn": arn})
    yield _command("iam wait role-exists", {"--role-name": role.name})
    yield ""


def _described(text: str) -> dict[str, str]:
    """Return the option for a description. Values in JSON are never names of files."""
    if text.startswith(_FILES):
        return {"--cli-input-json": compact({"Description": text})}
    return {"--description": text}


def _association(item: Association, region: str) -> str:
    members = association_members(item)
    options = {option: members.get(key, "") for key, option in _OPTIONS.items()}
    if "tags" in members:
        options["--tags"] = compact(members["tags"])
    flags = ("--disable-session-tags",) if item.disable_session_tags else ()
    place = {"--region": region, "--cluster-name": item.cluster_name}
    return _command("eks create-pod-identity-association", {**place, **options}, flags)


def _command(operation: str, options: Mapping[str, str], flags: tuple[str, ...] = ()) -> str:
    """Return a command with an option a line. An option without a value is omitted."""
    parts = [f"aws {operation}", *(_option(option, value) for option, value in options.items() if value), *flags]
    return " \\\n  ".join(parts)


def _option(option: str, value: str) -> str:
    # otherwise the AWS CLI reads a value like -x as an option
    return f"{option}{'=' if value.startswith('-') else ' '}{_quoted(value)}"


def _quoted(text: str) -> str:
    """Return one word of bash, with escapes for characters that podid does not print."""
    if sanitize.defused(sanitize.line(text)) == text:
        return shlex.quote(text)
    plain = text.replace("\\", "\\\\").replace("'", "\\'").replace("##", "#\\u0023")
    return "$'" + "".join(map(_escaped, plain)) + "'"


def _escaped(character: str) -> str:
    return character if sanitize.line(character) == character else f"\\U{ord(character):08x}"
