"""What `podid list` and `podid show` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from podid.cli.inputs import service_accounts
from podid.domain.errors import AccessDenied, NotFound
from podid.domain.names import check_role_name, parse_role_arn, role_name
from podid.render.associations import association_body, association_facts, association_list_view, facts
from podid.render.formats import Format
from podid.render.view import Document, Json, View, document

if TYPE_CHECKING:
    from collections.abc import Callable

    from podid.cli.invocation import Invocation
    from podid.domain.model import Association, Cluster


def run_list(run: Invocation, role: str | None) -> None:
    wanted = _role_filter(role)
    cluster = run.cluster()
    if run.options.output is Format.JSONL and run.options.query is None:
        found = run.aws.eks.iter_associations(cluster.name, namespace=run.options.namespace)
        run.stream(association_body(item) for item in found if wanted(item))
        return
    with run.working(f"reading the associations of {cluster.name}"):
        associations = run.aws.eks.list_associations(cluster.name, namespace=run.options.namespace)
    shown = tuple(item for item in associations if wanted(item))
    short = run.runtime.streams.stdout_tty and run.options.output is Format.TABLE
    run.emit(association_list_view(shown, cluster.name, run.runtime.now(), short=short))


def _role_filter(role: str | None) -> Callable[[Association], bool]:
    if role is None:
        return lambda association: True
    if role.startswith("arn:"):
        parse_role_arn(role)
        return lambda association: role in (association.role_arn, association.target_role_arn)
    check_role_name(role)
    return lambda association: role_name(association.role_arn) == role


def run_show(run: Invocation, target: str) -> None:
    from podid.ops.association.plan import association_not_found

    (ref,) = service_accounts([target])
    cluster = run.cluster()
    association = run.aws.eks.find_association(cluster.name, ref)
    if association is None:
        known = run.aws.eks.list_association_summaries(cluster.name)
        raise association_not_found(ref, cluster.name, tuple(item.ref for item in known))
    trust_body, trust_pairs = _trust(run, cluster, association)
    body: Document = {**association_body(association), "trust": trust_body}
    text = facts([*association_facts(association, run.runtime.now()), *trust_pairs])
    run.emit(View(document("Association", body), text=text, names=(str(ref),)))


def _trust(run: Invocation, cluster: Cluster, association: Association) -> tuple[Json, list[tuple[str, str]]]:
    """Whether the role admits the association's pods, as a TrustReport body and as lines."""
    from podid.domain import trust
    from podid.ops.role.plan import identity

    name = role_name(association.role_arn)
    try:
        role = run.aws.iam.get_role(name)
    except NotFound:
        return None, [("trust", f"role {name} does not exist")]
    except AccessDenied as error:
        return None, [("trust", f"not looked at: needs {error.permission}")]
    who = identity(cluster, association.ref, session_tags=association.session_tags, role=role)
    policy = trust.parse_policy(role.trust)
    evaluation = trust.evaluate(policy, who)
    pairs = [
        (
            "trust",
            "; ".join(f"{item.action} {item.verdict}" for item in (evaluation.assume_role, evaluation.tag_session)),
        )
    ]
    if evaluation.scope is not None:
        pairs.append(("scope", evaluation.scope.words))
    pairs += [(finding.id, finding.message) for finding in evaluation.findings]
    return cast("Json", trust.report(policy, who)), pairs
