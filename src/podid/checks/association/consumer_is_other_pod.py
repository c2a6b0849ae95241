from podid.checks.base import Check, Missing, Snapshot, Verdict, Verdicts, known, rule, short_list
from podid.checks.shared.gaps import unread_products
from podid.domain.names import ServiceAccountRef
from podid.domain.products import PRODUCTS, CredentialWay, ProductSetting
from podid.domain.workloads import live
from podid.facts.index import index, podid_command
from podid.facts.products import NEEDS, WANTS, accounts, associated, controllers, on_irsa, settings


@rule(needs=NEEDS, wants=(*WANTS, "cluster"))
def consumer_is_other_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from unread_products(check, snapshot)
    for setting in settings(snapshot).settings:
        yield _setting(check, snapshot, setting)
    yield from _siblings(check, snapshot)


def _setting(check: Check, snapshot: Snapshot, setting: ProductSetting) -> Verdict:
    facts = index(snapshot)
    if (ref := setting.service_account) is not None:
        case = check.case(setting.subject, (str(ref),))
        if ref not in facts.associations or on_irsa(snapshot, ref):
            return case.skip("its service account has no association, or also an IRSA annotation")
        if any(live(pod) for pod in facts.pods.get(ref, ())):
            return case.ok("pods of the service account use the association")
        return case.fail(
            f"no pod runs as service account {ref}, so its association has no effect: {setting.product} calls AWS from "
            "its own pods",
        )
    mine = controllers(snapshot).get(setting.product, ())
    associated = tuple(
        str(a.ref) for a in known(snapshot.associations) if setting.namespace in ("", a.namespace) and a.ref not in mine
    )
    case = check.case(setting.subject, associated)
    if setting.way is not CredentialWay.OWN:
        return case.skip("it uses the credentials of the pods that mount its volumes")
    if not mine:
        return case.skip(f"no pod of {setting.product} exists, or pods could not be read")
    if any(_served(snapshot, ref) for ref in mine):
        return case.ok(f"{short_list(map(str, mine))} calls AWS and has a role")
    if not associated:
        return case.skip("no service account of its namespace has an association")
    return case.fail(
        f"{short_list(map(str, mine))} calls AWS for {setting.product} and has no association; "
        f"{short_list(associated)} has one, but does not call AWS for it",
        f"{setting.product} uses the credentials of its own pods",
        commands=(podid_command(snapshot, "associate", str(mine[0]), "--create-role", "--restart"),),
    )


def _siblings(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge associations of service accounts that do not call AWS, while another one of the product does."""
    present = accounts(snapshot)
    for association in known(snapshot.associations):
        for name, product in PRODUCTS.items():
            if association.service_account not in product.siblings:
                continue
            ref = ServiceAccountRef(association.namespace, product.service_account)
            case = check.of_account(association.ref)
            if ref in present and not _served(snapshot, ref):
                message = f"{ref} makes the AWS requests of {name} and has no association"
                command = podid_command(snapshot, "move", str(association.ref), str(ref))
                yield case.fail(message, commands=(command,))
            elif isinstance(snapshot.service_accounts, Missing) and not _served(snapshot, ref):
                yield case.unknown(snapshot.service_accounts)
            else:
                yield case.ok(f"{ref} has its own role, or does not exist")


def _served(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    return associated(snapshot, ref) or on_irsa(snapshot, ref)
