"""What `podid role create` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli import inputs
from podid.cli.change import carry_out, report, settle_interrupted
from podid.domain.errors import InvalidInput
from podid.domain.model import RolePolicies
from podid.domain.names import check_role_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podid.cli.invocation import Invocation


def run_create(
    run: Invocation,
    name: str,
    targets: Sequence[str],
    *,
    scope: str,
    policy_files: Sequence[str],
    managed_policies: Sequence[str],
    session_tags: bool,
    path: str,
    description: str,
    permissions_boundary: str | None,
    tags: Sequence[str],
    adopt: bool,
    update_trust: bool,
) -> None:
    from podid.ops.role.plan import RoleRequest, plan_role
    from podid.ops.role.resolve import managed_policy

    check_role_name(name)
    _check_path(path)
    refs = inputs.service_accounts(targets)
    chosen_scope, chosen_tags = inputs.scope(scope), inputs.tags(tags)
    policies = _policies(run, policy_files)
    cluster = run.cluster(for_change=True)
    header = run.header(cluster=cluster.name)
    resources = run.resources()
    settle_interrupted(run, resources, header)
    with run.working(f"reading role {name}"):
        request = RoleRequest(
            name=name,
            refs=refs,
            scope=chosen_scope,
            session_tags=session_tags,
            path=path,
            description=description,
            permissions_boundary_arn=permissions_boundary or "",
            tags=chosen_tags,
            policies=policies,
            managed_policy_arns=tuple(
                managed_policy(run.aws.iam, text, partition=cluster.partition) for text in managed_policies
            ),
            update_trust=update_trust,
            adopt=adopt,
        )
        current = run.aws.iam.find_role(name)
        existing = run.aws.iam.get_policies(name) if current is not None else RolePolicies()
    plan = plan_role(request, cluster, header, current, existing, ours=run.journal.made_role(header.account, name))
    applied = carry_out(run, plan, resources)
    if applied is not None:
        report(run, plan, applied)


def _policies(run: Invocation, files: Sequence[str]) -> dict[str, Mapping[str, object]]:
    from podid.ops.role.resolve import check_policy_document, policy_name

    found: dict[str, Mapping[str, object]] = {}
    for file in files:
        name = policy_name("stdin" if file == "-" else file)
        if name in found:
            raise InvalidInput(f"Two policy files would both become the inline policy {name}; rename one", subject=file)
        found[name] = check_policy_document(inputs.json_file(run, file), file)
    return found


def _check_path(path: str) -> None:
    if not (path.startswith("/") and path.endswith("/") and len(path) <= 512):
        raise InvalidInput(f"--path {path!r} must start and end with '/' and have at most 512 characters", subject=path)
    if path.startswith(("/aws-service-role/", "/aws-reserved/")):
        raise InvalidInput(f"--path {path!r} is reserved for AWS", subject=path)
