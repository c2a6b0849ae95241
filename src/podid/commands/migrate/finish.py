"""podid migrate finish."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES, NARROW
from podid.domain.encoding import plain
from podid.domain.plan import ChangeResult, Consent, Plan
from podid.ops.migrate.request import FinishOptions
from podid.render.formats import to_yaml

if TYPE_CHECKING:
    from podid.ops.migrate.finish import Finish


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *NARROW),
    needs="MIGRATION_BEGUN ROLE_TRUST.update Iam.find_oidc_provider",
    optional=(
        ("removing annotations; grant it per namespace", "ANNOTATIONS.update"),
        ("kiam and kube2iam; grant it per namespace", "POD_TEMPLATE.update KubeReader.list_warnings"),
        "MANY_ROLES MIGRATING_ADDONS",
        ("--write-manifests", "KubeReader.get_manifest"),
    ),
)
def finish(access: Access, options: FinishOptions) -> None:
    """Remove the previous credentials after a migration.

    podid removes the annotations of IRSA, and the statement of the trust policy that allows the service account through
    this cluster's OIDC provider. For kiam and kube2iam, it removes the annotations of pod templates, which replaces the
    pods, and the trust in the roles of the nodes or of kiam's server. Every running pod must use Pod Identity, and the
    association must be unchanged for at least 24 hours. A statement stays while another service account needs it. podid
    does not remove annotations that Helm, Argo CD, Flux or another tool manages. It prints the change to make in that
    tool, and --write-manifests also writes the manifests. The command asks for confirmation, or requires --yes. Exit 3
    if nothing could be finished yet, 8 if only some service accounts were finished.

    Example: podid migrate finish shop/orders

    Example: podid migrate finish -n shop --yes

    Example: podid migrate finish -n shop --yes --write-manifests manifests
    """
    from podid.cli.changing import Change
    from podid.commands.migrate.reading import read
    from podid.ops.migrate.finish import no_association, plan_finish, restored, unfinished

    refs, namespace = options.service_accounts, access.shared.namespace
    access.check_whose_pods(refs)
    change = Change(access, access.place(for_change=True))
    access.kube.needed()

    def after(result: ChangeResult) -> ChangeResult:
        agents = planned.agents if result.error is None else ()
        error = result.error or restored(planned, access.kube.reader) or unfinished(planned)
        return replace(result, error=error, notes=(*result.notes, *agents))

    with change.alone():
        change.settle()

        def planning() -> Finish:
            migration = read(access, change.place, refs=refs, removing=True, begun=True)
            items = migration.chosen(refs, namespace)
            return plan_finish(migration, items, options, now=access.runtime.now())

        planned = planning()
        if options.write_manifests and not access.shared.dry_run:
            _write_manifests(access, options, planned)
        consent = Consent(question=planned.question, needed_for="Removing the previous credentials")
        plan = planned.plan
        if access.shared.dry_run:
            plan = replace(plan, notes=(*plan.notes, *planned.agents))
        ahead = partial(no_association, access.clients, planned)

        def again() -> Plan:
            for error in filter(None, map(ahead, plan.actions)):
                raise error
            return planning().plan

        change.run(plan, after, consent=consent, ahead=ahead, again=again)


def _write_manifests(access: Access, options: FinishOptions, planned: Finish) -> None:
    from podid.ops.migrate.finish import read_manifests

    for name, (title, manifest) in read_manifests(planned, access.kube.reader).items():
        file = access.terminal.file_in(options.write_manifests, name, force=options.force)
        file.write(to_yaml(plain(manifest)).encode())
        access.terminal.note(f"wrote {title} to {file.name}")
