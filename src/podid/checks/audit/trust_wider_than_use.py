from podid.checks.base import Check, Severity, Snapshot, Verdicts, count_of, rule, short_list
from podid.domain.names import role_name
from podid.domain.trust import Scope, ScopeKind
from podid.facts.index import podid_command, role_subject
from podid.facts.trust import judged


@rule(needs=("cluster", "associations", "roles"))
def trust_wider_than_use(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a trust policy that allows more service accounts than use the role. trust-too-broad reports one that is
    not restricted to the account."""
    yield from check.undescribed(snapshot)
    for role in judged(snapshot):
        case = check.case(role_subject(role.arn), tuple(sorted(str(a.ref) for a in role.associations)))
        if role.missing is not None:
            yield case.unknown(role.missing)
            continue
        # without session tags, a trust policy cannot name service accounts
        scopes = [answer.evaluation.scope for answer in role.answers if answer.association.session_tags]
        wide: Scope | None = max(
            (scope for scope in scopes if scope is not None and scope.narrowed), key=_width, default=None
        )
        if wide is None or wide.kind is ScopeKind.SERVICE_ACCOUNT:
            yield case.ok(check.title)
            continue
        users = [str(association.ref) for association in role.associations]
        yield case.fail(
            f"the trust policy allows {wide.words}, but {count_of(len(users), 'service account')} "
            f"{'has' if len(users) == 1 else 'have'} an association with the role",
            severity=Severity.INFO if wide.kind is ScopeKind.NAMESPACE else None,
            evidence=(f"associations: {short_list(users)}",),
            commands=(podid_command(snapshot, "trust", "tighten", "--role", role_name(role.arn)),),
        )


def _width(scope: Scope) -> int:
    return list(ScopeKind).index(scope.kind)
