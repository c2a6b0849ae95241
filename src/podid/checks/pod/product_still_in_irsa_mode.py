"""What each product does with its setting: the sources of `podid.kube.project`, and of Mountpoint
https://github.com/awslabs/mountpoint-s3-csi-driver/blob/main/docs/UPGRADING_TO_V2.md: Pod Identity came with 2.0."""

from collections.abc import Iterator

from podid.checks.base import Check, Verdicts, rule
from podid.checks.shared.gaps import unread_products
from podid.domain.cluster import Pod
from podid.domain.findings import Severity, Verdict
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
from podid.domain.snapshot import Snapshot, known, known_or, part
from podid.domain.text import short_list
from podid.domain.workloads import live
from podid.facts.index import index
from podid.facts.products import NEEDS, WANTS, accounts, associated, controllers, on_irsa, settings, version_of

MOUNTPOINT_SINCE = (2,)


@rule(needs=NEEDS, wants=(*WANTS, "daemon_sets", "roles", "cluster"))
def product_still_in_irsa_mode(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from unread_products(check, snapshot)
    for setting in settings(snapshot).found:
        if setting.way is CredentialWay.TOKEN_OF:
            yield _token_of(check, snapshot, setting)
        elif setting.product == SECRETS_STORE:
            yield _class(check, snapshot, setting)
        elif setting.product == MOUNTPOINT and setting.way is CredentialWay.POD_IDENTITY:
            yield _volume(check, snapshot, setting)
        else:
            yield check.case(setting.subject, ()).ok("it takes the credentials of the product's own pods")


def _token_of(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    """The product asks for a token in the name of the account, with IRSA's audience, and never asks the agent. External
    Secrets takes the role from the account's annotation, cert-manager from the issuer."""
    wanted = setting.service_account or ServiceAccountRef("", "")
    refs = _meant(snapshot, setting, wanted)
    name = str(wanted) if wanted.namespace else wanted.name
    chain = tuple(str(ref) for ref in refs if associated(snapshot, ref))
    case = check.case(setting.subject, chain)
    annotated = any(on_irsa(snapshot, ref) for ref in refs)
    if setting.product == CERT_MANAGER:
        works = _trusts_oidc(snapshot, setting.role)
    else:
        works = annotated
    if works and not chain:
        return case.skip(f"it uses IRSA by way of {name}, whose set-up is whole")
    mine = any(associated(snapshot, ref) for ref in controllers(snapshot).get(setting.product, ()))
    broken = works is False and (bool(chain) or mine) and snapshot_has_accounts(snapshot)
    note = f"association of {short_list(chain)} counts for its pods, not for {setting.product}" if chain else ""
    how = "auth.jwt.serviceAccountRef" if setting.product == EXTERNAL_SECRETS else "route53.auth.kubernetes"
    return case.fail(
        f"{setting.product} is to use a token of service account {name} ({how}), which is IRSA's way and never asks "
        "the Pod Identity agent"
        + ("" if broken else "; it works as long as the role trusts the cluster's OIDC provider"),
        severity=Severity.ERROR if broken else Severity.WARN,
        evidence=(
            *((note,) if note else ()),
            f"without {how} it takes the credentials of the pods of {setting.product} themselves",
        ),
        commands=(("kubectl", *(("-n", setting.namespace) if setting.namespace else ()), "edit", _plural(setting)),),
    )


def snapshot_has_accounts(snapshot: Snapshot) -> bool:
    """Whether it is known which service accounts have IRSA's annotation."""
    return bool(accounts(snapshot))


def _meant(snapshot: Snapshot, setting: ProductSetting, wanted: ServiceAccountRef) -> tuple[ServiceAccountRef, ...]:
    if wanted.namespace:
        return (wanted,)
    # of an object of the whole cluster: in the namespace that the product runs in
    homes = {ref.namespace for ref in controllers(snapshot).get(setting.product, ())}
    return tuple(ServiceAccountRef(home, wanted.name) for home in sorted(homes))


def _trusts_oidc(snapshot: Snapshot, role_arn: str) -> bool | None:
    """Whether the role's trust names an OIDC provider; None where it was not read: no association has it."""
    role = known_or(part(snapshot.roles, role_arn), None)
    return None if role is None else ":oidc-provider/" in str(role.trust)


def _class(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    pods = tuple(_mounting(snapshot, setting))
    chain = tuple(sorted({str(pod.ref) for pod in pods}))
    case = check.case(setting.subject, chain)
    if setting.way is CredentialWay.POD_IDENTITY:
        return case.ok('it has usePodIdentity: "true"')
    if not pods:
        return case.skip("no pod of an associated service account mounts it")
    works = all(on_irsa(snapshot, pod.ref) for pod in pods)
    return case.fail(
        f'pods of {short_list(chain)} mount it, and it lacks usePodIdentity: "true": the provider looks for the IRSA '
        "annotation of the service account" + (", which is there" if works else ", which has none"),
        severity=Severity.WARN if works or not snapshot_has_accounts(snapshot) else Severity.ERROR,
        evidence=(f"pods: {short_list(pod.name for pod in pods)}",),
        commands=(
            (
                *("kubectl", "-n", setting.namespace, "patch", "secretproviderclass", setting.name, "--type", "merge"),
                *("-p", '{"spec":{"parameters":{"usePodIdentity":"true"}}}'),
            ),
        ),
    )


def _mounting(snapshot: Snapshot, setting: ProductSetting) -> Iterator[Pod]:
    associations = index(snapshot).associations
    for pod in known_or(snapshot.pods, ()):
        mounts = pod.namespace == setting.namespace and setting.name in pod.secret_classes
        if mounts and live(pod) and pod.ref in associations:
            yield pod


def _volume(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    there = [a.ref for a in known(snapshot.associations) if a.namespace == setting.namespace]
    chain = tuple(sorted(map(str, there)))
    case = check.case(setting.subject, chain)
    version = version_of(known_or(snapshot.daemon_sets, ()), PRODUCTS[MOUNTPOINT].image)
    if not there:
        return case.skip("no service account of its namespace is associated")
    if not version or version >= MOUNTPOINT_SINCE:
        return case.ok("the driver takes the pod's own identity")
    works = all(on_irsa(snapshot, ref) for ref in there)
    words = ".".join(map(str, version))
    return case.fail(
        f"authenticationSource: pod is IRSA only in version {words} of the driver; it knows Pod Identity from 2.0 on",
        severity=Severity.WARN if works or not snapshot_has_accounts(snapshot) else Severity.ERROR,
        evidence=(f"associated service accounts of the claim's namespace: {short_list(chain)}",),
    )


def _plural(setting: ProductSetting) -> str:
    return f"{setting.kind.lower()}/{setting.name}"
