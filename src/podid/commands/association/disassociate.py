"""podid disassociate."""

from typing import Annotated

import typer

from podid.cli.arguments import AnyServiceAccounts
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY

    return CommandRights.of(
        *ASSOCIATION.calls(Verb.DELETE),
        optional=(
            rights.NAMING,
            rights.RUNNING_PODS,
            rights.EFFECT_GONE,
            rights.asking(KubeReader.list_service_accounts),
            OptionalRight.of(
                "--delete-role",
                *ROLE.calls(Verb.DELETE),
                *ROLE_POLICY.calls(Verb.DELETE),
                *ROLE_ATTACHMENT.calls(Verb.DELETE),
                Iam.list_instance_profiles,
                Eks.list_clusters,
                Eks.list_associations,
            ),
            rights.RESTARTING,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights, several=("cluster",))
def disassociate(
    access: Access,
    terminal: Terminal,
    targets: AnyServiceAccounts = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Restart the workloads, so that their pods start without the role.")
    ] = False,
    delete_role: Annotated[
        bool, typer.Option("--delete-role", help="Delete the role too, if podid made it here and nothing else uses it.")
    ] = False,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="No failure where there is no association.")
    ] = False,
) -> None:
    """Take the role away again. Deleting asks first, or needs --yes.

    Alone, on a terminal, it asks which, and ends with the command that does the same.

    Pods that run keep their credentials until they expire; new pods get none.

    Example: podid disassociate shop/orders --yes
    """
    from podid.cli import typed
    from podid.cli.disassociating import disassociate_in
    from podid.cli.guide.run import guide_disassociate, says_only_where
    from podid.cli.several import in_each_cluster
    from podid.domain.errors import Other, UsageError

    if access.runtime.interactive and says_only_where(access.argv, ("disassociate",)):
        raise guide_disassociate(access, terminal)
    refs = typed.service_accounts(targets)
    if not refs:
        raise UsageError("Which service accounts? Name them as NAMESPACE/NAME", hint=Other(("list",)))
    typed.no_proof(access.options.wait, "new pods get none")

    def run(each: Access) -> None:
        disassociate_in(
            each, terminal, refs, restart=restart, delete_role=delete_role, ignore_not_found=ignore_not_found
        )

    in_each_cluster(access, terminal, run)
