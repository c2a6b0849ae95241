from podid.checks.base import Check, Missing, Snapshot, Subject, Verdicts, known_or, rule, short_list
from podid.checks.shared.gaps import unread_products
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.products import CSI_DRIVERS, PRODUCTS, SECRETS_STORE, CredentialWay
from podid.facts.index import index
from podid.facts.products import NEEDS, settings, version_of

# older versions requested tokens from the API server themselves: aws/secrets-store-csi-driver-provider-aws#561
PROVIDER, PROVIDER_SINCE = "secrets-store-csi-driver-provider-aws", (3,)


@rule(needs=NEEDS, wants=("csi_drivers", "daemon_sets", "cluster"))
def csi_driver_tokenrequest_missing(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from unread_products(check, snapshot)
    asking = [s for s in settings(snapshot).settings if s.way is CredentialWay.POD_IDENTITY]
    for product, driver in CSI_DRIVERS.items():
        mine = [setting for setting in asking if setting.product == product]
        if not mine:
            continue
        refs = sorted(index(snapshot).associations)
        chain = tuple(str(ref) for ref in refs if any(s.namespace in ("", ref.namespace) for s in mine))
        case = check.case(Subject("CSIDriver", driver), chain)
        if isinstance(snapshot.csi_drivers, Missing):
            yield check.of_everyone(snapshot).unknown(snapshot.csi_drivers)
            continue
        audiences = snapshot.csi_drivers.value.get(driver)
        image, since = (PROVIDER, PROVIDER_SINCE) if product == SECRETS_STORE else (PRODUCTS[product].image, (2,))
        old = "requests tokens itself" if product == SECRETS_STORE else "does not support Pod Identity"
        version = version_of(known_or(snapshot.daemon_sets, ()), image)
        if audiences is None:
            yield case.skip("the driver is not installed")
        elif PODS_PRINCIPAL in audiences:
            yield case.ok(f"it requests tokens for {PODS_PRINCIPAL}")
        elif version and version < since:
            yield case.skip(f"this version of {product} {old}")
        elif isinstance(snapshot.daemon_sets, Missing):
            yield case.unknown(snapshot.daemon_sets)
        else:
            have = ", ".join(sorted(audiences)) or "none"
            yield case.fail(
                f"the driver requests no token for {PODS_PRINCIPAL}, which {short_list(str(s.name) for s in mine)} "
                "requires",
                f"audiences of its tokenRequests: {have}",
                f"fix: add the audience {PODS_PRINCIPAL} to tokenRequests in the values of the driver's chart",
            )
