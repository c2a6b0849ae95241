"""What `podid trust check` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.cli import inputs
from podid.domain import trust
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.exit_codes import ExitCode, combine
from podid.domain.names import parse_cluster_arn
from podid.render.trust import check_view

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation

_CODES = {
    trust.TrustVerdict.MATCH: ExitCode.OK,
    trust.TrustVerdict.NO_MATCH: ExitCode.ATTENTION,
    trust.TrustVerdict.UNKNOWN: ExitCode.UNDETERMINED,
}


def run_check(
    run: Invocation,
    files: Sequence[str],
    targets: Sequence[str],
    *,
    cluster_arn: str,
    session_tags: bool,
    base_role: str | None,
    external_id: str | None,
    role_tags: Sequence[str],
    pods: Sequence[str],
) -> None:
    if external_id is not None and base_role is None:
        raise UsageError("--external-id belongs to the second hop: give --base-role with it")
    if list(files).count("-") > 1:
        raise UsageError("'-' can be given once: there is one stdin")
    parse_cluster_arn(cluster_arn)
    # without --role-tag nobody knows the role's tags, and conditions on them stay unknown
    tags = inputs.tags(role_tags, option="--role-tag") if role_tags else None
    live = tuple(trust.LivePod(name) for name in pods) or None
    requests: list[trust.PodIdentity | trust.TargetHop] = []
    for ref in inputs.service_accounts(targets):
        identity = trust.PodIdentity(
            cluster_arn=cluster_arn,
            namespace=ref.namespace,
            service_account=ref.name,
            session_tags=session_tags,
            role_tags=tags if base_role is None else None,
            pods=live,
            now=run.runtime.now(),
        )
        if base_role is None:
            requests.append(identity)
        else:
            requests.append(trust.TargetHop(base_role, identity, external_id=external_id, role_tags=tags))
    policies = [(file, _read(run, file)) for file in files]
    checks = [(file, trust.check(policy, requests)) for file, policy in policies]
    run.emit(check_view(checks))
    run.finish(combine({_CODES[check.verdict] for _, check in checks}))


def _read(run: Invocation, file: str) -> trust.Policy:
    text = run.read_file(file)
    try:
        return trust.parse_policy(text)
    except InvalidInput as error:
        raise InvalidInput(f"{'stdin' if file == '-' else file}: {error.what}", subject=file) from error
