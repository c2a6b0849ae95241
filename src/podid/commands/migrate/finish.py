"""podid migrate finish."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, switch
from podid.domain.permissions import CommandPermissions
from podid.ops.migrate.request import read_soak
from podid.ops.options import SERVICE_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podid.domain.plan import Place


def permissions() -> CommandPermissions:
    from podid.checks.all import ALL
    from podid.domain.permissions import OptionalPermission, permissions_of
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.change.kinds import ANNOTATIONS, ROLE_TRUST
    from podid.ops.reading.sections import permissions as permissions_of_checks

    return CommandPermissions(
        permissions_of_checks(ALL) | permissions_of(ROLE_TRUST.calls(Verb.UPDATE)),
        (
            OptionalPermission.of("removing annotations; grant it per namespace", *ANNOTATIONS.calls(Verb.UPDATE)),
            OptionalPermission.of("--write-manifests", KubeReader.get_manifest),
        ),
    )


@options
class FinishOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    soak: timedelta = option(
        "DURATION",
        "How old the association must be. 0 for any age. [default: 24h]",
        default=timedelta(hours=24),
        read=read_soak,
    )
    narrow: bool = switch("Replace a pattern in a trust policy with the service accounts that still need it.")
    write_manifests: str = option(
        "DIR",
        "Write the ServiceAccount manifests that another tool manages, without the annotations, to this directory.",
        default="",
    )
    force: bool = switch("Replace manifests that exist in the directory.", consent=True)


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE), permissions=permissions)
def finish(access: Access, options: FinishOptions) -> None:
    """Remove IRSA from service accounts that use Pod Identity.

    podid removes the annotations of IRSA, and the statement of the trust policy that allows the service account by this
    cluster's OIDC provider. Every running pod must use Pod Identity, and the association must be at least 24 hours old.
    A statement stays while another service account needs it. podid does not remove annotations that Helm, Argo CD, Flux
    or another tool manages. It prints the change to make there, and --write-manifests also writes the manifests. The
    command asks for confirmation, or requires --yes. Exit 3 if nothing could be finished yet, 8 if only some service
    accounts were finished.

    Example: podid migrate finish shop/orders

    Example: podid migrate finish -n shop --yes

    Example: podid migrate finish -n shop --yes --write-manifests manifests
    """
    from podid.cli import changing
    from podid.ops.migrate.items import alone

    access.check_whose_pods(options.service_accounts)
    place = access.place(for_change=True)
    access.kube.needed()
    with alone(access.journal, place, access.patience(changing.CHANGE_SECONDS)):
        _finish(access, options, place)


def _finish(access: Access, options: FinishOptions, place: Place) -> None:
    from dataclasses import replace

    from podid.cli import changing
    from podid.domain.plan import ChangeResult, Consent
    from podid.domain.text import count_of
    from podid.ops.migrate.finish import plan_finish, unfinished
    from podid.ops.migrate.items import read_migration

    changing.settle_interrupted(access, place)
    now = access.runtime.now()
    with access.terminal.working(f"reading cluster {place.cluster_name}"):
        migration = read_migration(access.clients, place, now=now, journal=access.journal, adjust=access.with_commands)
    migration.check_read()
    migration.check_exist(options.service_accounts)
    items = migration.chosen(options.service_accounts, access.shared.namespace)
    planned = plan_finish(migration, items, now=now, soak=options.soak, narrow=options.narrow)
    if options.write_manifests and not access.shared.dry_run:
        _write_manifests(access, options, planned.owned)

    def after(result: ChangeResult) -> ChangeResult:
        return replace(result, error=result.error or unfinished(planned))

    question = f"Remove IRSA from {count_of(len(planned.refs), 'service account')}?"
    changing.run(access, planned.plan, after, consent=Consent(question=question, needed_for="Removing IRSA"))


def _write_manifests(access: Access, options: FinishOptions, refs: Iterable[ServiceAccountRef]) -> None:
    from pathlib import Path

    from podid.domain.encoding import plain
    from podid.render.formats import to_yaml

    for ref in sorted(refs):
        # no name in Kubernetes contains an underscore, so no two service accounts have the same file
        name = str(Path(options.write_manifests) / f"{ref.namespace}_{ref.name}.yaml")
        file = access.terminal.file_to_write(name, force=options.force)
        file.write(to_yaml(plain(access.kube.reader.get_manifest(ref))).encode())
        access.terminal.note(f"wrote the manifest of {ref} without the annotations to {name}")
