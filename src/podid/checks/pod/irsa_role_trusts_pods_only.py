from podid.checks.base import Case, Check, Missing, Severity, Snapshot, Verdict, Verdicts, known, rule, short_list
from podid.domain.cluster import ServiceAccount
from podid.domain.names import PODS_PRINCIPAL, role_name
from podid.domain.trust import PodIdentity, ScopeKind, TrustVerdict, evaluate
from podid.domain.workloads import live, on_fargate, on_windows
from podid.facts.index import allowed_by_irsa, annotated_trust, index, podid_command, show_role


@rule(needs=("cluster", "associations", "service_accounts", "annotated_roles"), wants=("roles", "pods", "nodes"))
def irsa_role_trusts_pods_only(check: Check, snapshot: Snapshot) -> Verdicts:
    account, associations = f":iam::{known(snapshot.cluster).account}:role/", index(snapshot).associations
    for item in known(snapshot.service_accounts):
        if (
            item.irsa_role_arn
            and item.ref not in associations
            and (not snapshot.targets or item.ref in snapshot.targets)
        ):
            case = check.of_account(item.ref)
            if account not in item.irsa_role_arn:
                yield case.skip("the role in the IRSA annotation is in another account")
            else:
                yield _judged(case, snapshot, item)


def _judged(case: Case, snapshot: Snapshot, account: ServiceAccount) -> Verdict:
    arn, ref, facts = account.irsa_role_arn.strip(), account.ref, index(snapshot)
    section = annotated_trust(snapshot, arn)
    if isinstance(section, Missing):
        return case.unknown(section)
    policy = section.value
    if policy is None:
        return case.skip("the role in the IRSA annotation does not exist")
    allowed = allowed_by_irsa(snapshot, ref, arn)
    if allowed is None:
        return case.skip("the cluster has no OIDC issuer")
    if allowed:
        return case.ok("the trust policy of the role in the IRSA annotation allows the service account")
    if not any(item.lets_assume and ("Service", PODS_PRINCIPAL) in item.principals for item in policy.statements):
        return case.skip("the role in the IRSA annotation is not for EKS Pod Identity")
    pods = [pod for pod in facts.pods.get(ref, ()) if live(pod)]
    only_irsa = any(on_fargate(pod, facts.nodes) or on_windows(pod, facts.nodes) for pod in pods)
    # users who can edit the service account can annotate it with any role: only a trust policy that names the service
    # account shows that the role is for it
    evaluation = evaluate(policy, PodIdentity(known(snapshot.cluster).arn, ref.namespace, ref.name))
    command = show_role(arn)
    if (
        evaluation.verdict is TrustVerdict.MATCH
        and evaluation.scope is not None
        and evaluation.scope.kind is ScopeKind.SERVICE_ACCOUNT
    ):
        command = podid_command(snapshot, "associate", str(ref), "--role", arn)
    return case.fail(
        f"the service account has the IRSA annotation of role {role_name(arn)}, whose trust policy allows EKS Pod "
        "Identity and not the cluster's OIDC issuer: AWS denies sts:AssumeRoleWithWebIdentity",
        f"IRSA annotation: {arn}",
        *((f"pods: {short_list(pod.name for pod in pods)}",) if pods else ()),
        *(("pods on Fargate and Windows need IRSA: add a statement for the OIDC provider",) if only_irsa else ()),
        severity=Severity.ERROR if pods else None,
        commands=() if only_irsa else (command,),
    )
