"""Products that get credentials themselves: their service accounts, settings and versions."""

from dataclasses import replace

from checks.builder import DENIED, IRSA_ANNOTATION, NO_PODS, daemon_set, healthy, pod, service_account
from checks.products import BY_POD, CLASS
from harness import table
from podid.domain.cluster import ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing
from podid.facts.products import associated, controllers, on_irsa, settings, version_of

ESO = ServiceAccountRef("external-secrets", "external-secrets")
IMAGE = "ghcr.io/external-secrets/external-secrets:v1.0.0"


def test_settings_and_the_kinds_that_were_not_read() -> None:
    other = Missing("no answer")
    kinds = {"a": Known((CLASS,)), "b": DENIED, "c": Known((BY_POD,)), "d": DENIED, "e": other}
    reading = settings(healthy(products=kinds))
    assert reading.settings == (CLASS, BY_POD)
    assert reading.missing == ((DENIED, ("b", "d")), (other, ("e",)))


def test_the_service_accounts_of_controllers() -> None:
    """The pods of the image count, without those that do not call AWS; otherwise the usual name of the account."""
    (container,) = pod().containers
    runs = replace(pod("eso", namespace=ESO.namespace), containers=(replace(container, image=IMAGE),))
    webhook = replace(runs, name="webhook", service_account="external-secrets-webhook")
    own = replace(runs, service_account="secrets")
    named = ServiceAccount(namespace=ESO.namespace, name=ESO.name)
    by_pod = controllers(
        healthy(pods=(own, webhook, replace(own, service_account="ended", phase="Failed")), service_accounts=(named,))
    )
    assert by_pod == {"External Secrets": (replace(ESO, name="secrets"),)}
    assert controllers(healthy(pods=(webhook,), service_accounts=(named,))) == {"External Secrets": (ESO,)}
    assert controllers(NO_PODS) == {}


def test_service_accounts_with_irsa_and_with_an_association() -> None:
    snapshot, orders = (
        healthy(service_accounts=(service_account(annotations=IRSA_ANNOTATION),)),
        ServiceAccountRef("shop", "orders"),
    )
    assert (on_irsa(snapshot, orders), associated(snapshot, orders)) == (True, True)
    assert (on_irsa(healthy(), orders), on_irsa(healthy(service_accounts=DENIED), orders)) == (False, False)
    assert not associated(healthy(), ESO)


@table(
    ("image", "version"),
    [
        ("r.example/driver:v1.12.0", (1, 12, 0)),
        ("r.example/driver:2.0-distroless", (2, 0)),
        ("r.example/driver:latest", ()),
        ("r.example/driver@sha256:00", ()),
        ("r.example/another:v1.0.0", ()),
    ],
)
def test_the_version_of_an_image(image: str, version: tuple[int, ...]) -> None:
    assert version_of((daemon_set(images=("r.example/first:v9", image)),), "driver") == version
