"""What `podid role show` and `podid role list` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.errors import AccessDenied, Conflict, InvalidInput, NotFound, UsageError
from podid.domain.names import check_role_name, parse_role_arn
from podid.render.roles import role_list_view, role_view

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.model import Role


def run_show(run: Invocation, text: str) -> None:
    from podid.ops.role.access import access_words
    from podid.ops.role.resolve import role_not_found

    name = parse_role_arn(text).resource_name if text.startswith("arn:") else check_role_name(text)
    run.check_account()
    try:
        role = run.aws.iam.get_role(name)
    except NotFound as error:
        raise role_not_found(run.aws.iam, name, request_id=error.request_id) from error
    policies = run.aws.iam.get_policies(name)
    run.emit(role_view(role, policies, access_words(role), _used_by(run, role)))


def run_list(run: Invocation) -> None:
    run.check_account()
    with run.working("reading the account's roles"):
        roles = run.aws.iam.list_roles()
    shown = [(role, words) for role in roles if (words := _pod_words(role))]
    run.emit(role_list_view([role for role, _ in shown], [words for _, words in shown]))


def _pod_words(role: Role) -> str:
    from podid.ops.role.access import pod_scopes

    try:
        return "; ".join(pod_scopes(role))
    except InvalidInput:
        return ""  # it cannot be assumed by anybody


def _used_by(run: Invocation, role: Role) -> list[str] | None:
    """The chosen cluster's service accounts that use the role; None where no cluster is named or may be read."""
    try:
        cluster = run.cluster()
        associations = run.aws.eks.list_associations(cluster.name)
    except (UsageError, NotFound, AccessDenied, Conflict) as error:
        if run.options.cluster is not None:
            raise
        run.explain(f"associations not looked at: {error.what}")
        return None
    return [str(item.ref) for item in associations if role.arn in (item.role_arn, item.target_role_arn)]
