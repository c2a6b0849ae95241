"""The meaning of each product's setting: see the sources of `podid.kube.project`, and for Mountpoint
https://github.com/awslabs/mountpoint-s3-csi-driver/blob/main/docs/UPGRADING_TO_V2.md: it supports Pod
Identity since 2.0.
"""

from podid.checks.base import (
    Check,
    Missing,
    Severity,
    Snapshot,
    Verdict,
    Verdicts,
    known,
    known_or,
    part,
    rule,
    short_list,
)
from podid.checks.shared.gaps import unread_products
from podid.domain.names import ServiceAccountRef
from podid.domain.products import (
    CERT_MANAGER,
    EXTERNAL_SECRETS,
    MOUNTPOINT,
    PRODUCTS,
    SECRETS_STORE,
    CredentialWay,
    ProductSetting,
)
from podid.domain.workloads import live
from podid.facts.index import index
from podid.facts.products import NEEDS, WANTS, accounts, associated, controllers, on_irsa, settings, version_of

MOUNTPOINT_SINCE = (2,)
PATCH = ("--type", "merge", "-p", '{"spec":{"parameters":{"usePodIdentity":"true"}}}')


@rule(needs=NEEDS, wants=(*WANTS, "daemon_sets", "roles", "cluster"))
def product_still_in_irsa_mode(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from unread_products(check, snapshot)
    for setting in settings(snapshot).settings:
        if setting.way is CredentialWay.TOKEN_OF:
            yield _token_of(check, snapshot, setting)
        elif setting.product == SECRETS_STORE:
            yield _class(check, snapshot, setting)
        elif setting.product == MOUNTPOINT and setting.way is CredentialWay.POD_IDENTITY:
            yield _volume(check, snapshot, setting)
        else:
            yield check.case(setting.subject, ()).ok("it uses the credentials of the product's own pods")


def _token_of(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    """Judge a product that requests a token of the service account with IRSA's audience, and never uses the agent.
    External Secrets reads the role from the service account's annotation, cert-manager from the issuer."""
    account = setting.service_account or ServiceAccountRef("", "")
    # of a cluster-scoped object the service account is in the namespace of the product
    homes = {ref.namespace for ref in controllers(snapshot).get(setting.product, ())}
    refs = [ServiceAccountRef(home, account.name) for home in sorted(homes)] if not account.namespace else [account]
    name = str(account) if account.namespace else account.name
    chain = tuple(str(ref) for ref in refs if associated(snapshot, ref))
    case = check.case(setting.subject, chain)
    works: bool | None = any(on_irsa(snapshot, ref) for ref in refs)
    if setting.product == CERT_MANAGER:
        role = known_or(part(snapshot.roles, setting.role), None)
        # a role that no association names was not read
        works = None if role is None else ":oidc-provider/" in str(role.trust)
    if works and not chain:
        return case.skip(f"it uses IRSA with service account {name}, which is set up for it")
    mine = any(associated(snapshot, ref) for ref in controllers(snapshot).get(setting.product, ()))
    broken = works is False and (bool(chain) or mine) and bool(accounts(snapshot))
    notes = [f"association of {short_list(chain)}: applies to its pods, not to {setting.product}"] if chain else []
    place = ("-n", setting.namespace) if setting.namespace else ()
    how = "auth.jwt.serviceAccountRef" if setting.product == EXTERNAL_SECRETS else "route53.auth.kubernetes"
    return case.fail(
        f"{setting.product} is configured to use a token of service account {name} ({how}): this is IRSA, not Pod "
        "Identity" + ("" if broken else "; it works while the role trusts the cluster's OIDC provider"),
        *notes,
        f"fix: remove {how}; then {setting.product} uses its pods' own credentials",
        severity=Severity.ERROR if broken else Severity.WARN,
        commands=(("kubectl", *place, "edit", f"{setting.kind.lower()}/{setting.name}"),),
    )


def _class(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    associations = index(snapshot).associations
    pods = [
        pod
        for pod in known_or(snapshot.pods, ())
        if pod.namespace == setting.namespace and setting.name in pod.secret_classes
        if live(pod) and pod.ref in associations
    ]
    chain = tuple(sorted({str(pod.ref) for pod in pods}))
    case = check.case(setting.subject, chain)
    if setting.way is CredentialWay.POD_IDENTITY:
        return case.ok('it has usePodIdentity: "true"')
    if not pods:
        return case.skip("no pod of an associated service account mounts it")
    works = all(on_irsa(snapshot, pod.ref) for pod in pods)
    # not known if the service accounts were not read
    state = ", which exists" if works else ", which does not exist" if accounts(snapshot) else ""
    return case.fail(
        f'{setting.kind} {setting.name} lacks usePodIdentity: "true": for pods of {short_list(chain)}, the provider '
        "uses the IRSA annotation of the service account" + state,
        f"pods: {short_list(pod.name for pod in pods)}",
        severity=_severity(snapshot, works),
        commands=(("kubectl", "-n", setting.namespace, "patch", "secretproviderclass", setting.name, *PATCH),),
    )


def _volume(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    associated_here = [a.ref for a in known(snapshot.associations) if a.namespace == setting.namespace]
    chain = tuple(sorted(map(str, associated_here)))
    case = check.case(setting.subject, chain)
    if not associated_here:
        return case.skip("no service account of its namespace has an association")
    if isinstance(snapshot.daemon_sets, Missing):
        return case.unknown(snapshot.daemon_sets)
    version = version_of(snapshot.daemon_sets.value, PRODUCTS[MOUNTPOINT].image)
    if not version or version >= MOUNTPOINT_SINCE:
        return case.ok("the driver uses the pod's own identity")
    works = all(on_irsa(snapshot, ref) for ref in associated_here)
    words = ".".join(map(str, version))
    return case.fail(
        f"authenticationSource: pod means IRSA in version {words} of the driver, which supports Pod Identity since 2.0",
        f"service accounts with an association in the claim's namespace: {short_list(chain)}",
        severity=_severity(snapshot, works),
    )


def _severity(snapshot: Snapshot, works: bool) -> Severity:
    """Return error only if the IRSA annotations of the service accounts were read."""
    return Severity.ERROR if accounts(snapshot) and not works else Severity.WARN
