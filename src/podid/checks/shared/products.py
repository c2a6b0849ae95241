"""Link 2 and 4, where a product fetches the credentials: which service account acts, and by which way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from podid.checks.base import EVERYONE, Case, Check
from podid.checks.shared.facts import cluster_subject, index
from podid.checks.shared.once import once
from podid.domain.cluster import DaemonSet, ServiceAccount, name_and_tag
from podid.domain.findings import Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.products import PRODUCTS, ProductSetting
from podid.domain.snapshot import Missing, Snapshot, known, known_or
from podid.domain.workloads import live

_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6})*)", re.ASCII)
NEEDS = ("associations", "products")
WANTS = ("service_accounts", "pods")


@dataclass(frozen=True, slots=True)
class ProductReading:
    """All that could be read, and what could not: by reason, the kinds."""

    found: tuple[ProductSetting, ...]
    missing: tuple[tuple[Missing, tuple[str, ...]], ...]


@once
def settings(snapshot: Snapshot) -> ProductReading:
    found: list[ProductSetting] = []
    missing: dict[Missing, list[str]] = {}
    for plural, section in known(snapshot.products).items():
        if isinstance(section, Missing):
            missing.setdefault(section, []).append(plural)
        else:
            found += section.value
    return ProductReading(tuple(found), tuple((why, tuple(kinds)) for why, kinds in missing.items()))


def unread(check: Check, snapshot: Snapshot) -> Iterator[Verdict]:
    """One for each reason why objects could not be read."""
    for why, kinds in settings(snapshot).missing:
        case = check.case(cluster_subject(snapshot), EVERYONE)
        yield case.unknown(why, f"could not read {', '.join(kinds)}: {why.reason}")


def case_of(check: Check, setting: ProductSetting, chain: tuple[str, ...]) -> Case:
    return check.case(Subject(setting.kind, setting.name, setting.namespace), chain)


@once
def accounts(snapshot: Snapshot) -> dict[ServiceAccountRef, ServiceAccount]:
    return {account.ref: account for account in known_or(snapshot.service_accounts, ())}


def on_irsa(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    """Whether the service account is annotated with a role; False where it could not be looked at."""
    account = accounts(snapshot).get(ref)
    return account is not None and bool(account.irsa_role_arn)


@once
def controllers(snapshot: Snapshot) -> dict[str, tuple[ServiceAccountRef, ...]]:
    """Product -> the service accounts that its own pods run as, siblings that call nothing left out; by image, else by
    the name of the account."""
    found: dict[str, set[ServiceAccountRef]] = {}
    for pod in known_or(snapshot.pods, ()):
        if not live(pod):
            continue
        images = {name_and_tag(container.image)[0] for container in pod.containers}
        for name, product in PRODUCTS.items():
            if product.image in images and pod.service_account not in product.siblings:
                found.setdefault(name, set()).add(pod.ref)
    for ref in accounts(snapshot):
        for name, product in PRODUCTS.items():
            if ref.name == product.service_account and name not in found:
                found.setdefault(name, set()).add(ref)
    return {name: tuple(sorted(refs)) for name, refs in found.items()}


def associated(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    return ref in index(snapshot).associations


def version_of(sets: tuple[DaemonSet, ...], image: str) -> tuple[int, ...]:
    """Of the tag of an image that one of the DaemonSets runs; empty where it tells none."""
    for name in (each for ds in sets for each in ds.images):
        repository, tag = name_and_tag(name)
        if repository == image:
            found = _VERSION.match(tag)
            return tuple(int(part) for part in found[1].split(".")) if found else ()
    return ()
