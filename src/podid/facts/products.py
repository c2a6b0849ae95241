"""Links 2 and 4, for products that get credentials themselves: their service account and source of credentials."""

import re
from dataclasses import dataclass

from podid.domain.cluster import DaemonSet, ServiceAccount, name_and_tag
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.products import PRODUCTS, ProductSetting
from podid.domain.snapshot import Missing, Snapshot, known, known_or
from podid.domain.workloads import live
from podid.facts.index import index, once

_VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6})*)", re.ASCII)
NEEDS = ("associations", "products")
WANTS = ("service_accounts", "pods")


@dataclass(frozen=True, slots=True)
class ProductReading:
    """The settings that could be read, and the kinds that could not, by reason."""

    settings: tuple[ProductSetting, ...]
    missing: tuple[tuple[Missing, tuple[str, ...]], ...]


@once
def settings(snapshot: Snapshot) -> ProductReading:
    sections = known(snapshot.products)
    missing = grouped((section, kind) for kind, section in sections.items() if isinstance(section, Missing))
    return ProductReading(
        tuple(setting for section in sections.values() for setting in known_or(section, ())),
        tuple((why, tuple(kinds)) for why, kinds in missing.items()),
    )


@once
def accounts(snapshot: Snapshot) -> dict[ServiceAccountRef, ServiceAccount]:
    return {account.ref: account for account in known_or(snapshot.service_accounts, ())}


def on_irsa(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    """Return whether the service account has an IRSA annotation; False if it could not be read."""
    account = accounts(snapshot).get(ref)
    return account is not None and bool(account.irsa_role_arn)


@once
def controllers(snapshot: Snapshot) -> dict[str, tuple[ServiceAccountRef, ...]]:
    """Return product -> the service accounts of its own pods, by image, else by the name of the account. Service
    accounts of the product that do not call AWS are omitted."""
    running = (pod for pod in known_or(snapshot.pods, ()) if live(pod))
    pods = [(pod, {name_and_tag(container.image)[0] for container in pod.containers}) for pod in running]
    by_product: dict[str, tuple[ServiceAccountRef, ...]] = {}
    for name, product in PRODUCTS.items():
        acting = {p.ref for p, images in pods if product.image in images and p.service_account not in product.siblings}
        named = [ref for ref in accounts(snapshot) if ref.name == product.service_account][:1]
        if refs := acting or named:
            by_product[name] = tuple(sorted(refs))
    return by_product


def associated(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    return ref in index(snapshot).associations


def version_of(sets: tuple[DaemonSet, ...], image: str) -> tuple[int, ...]:
    """Return the version in the tag of this image, if a DaemonSet runs it; empty if the tag has no version."""
    for name in (image_name for ds in sets for image_name in ds.images):
        repository, tag = name_and_tag(name)
        if repository == image:
            match = _VERSION.match(tag)
            return tuple(int(part) for part in match[1].split(".")) if match else ()
    return ()
