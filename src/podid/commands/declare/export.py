"""podid export."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.ops.declare.request import ExportOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES),
    needs="Eks.iter_associations Iam.find_roles Iam.get_policies",
    optional=(
        ("--roles: the roles that podid created", "Iam.list_roles"),
        "EMPTY_NAMESPACE",
    ),
)
def export(access: Access, options: ExportOptions) -> None:
    """Print live associations and their roles as a file.

    The default form is podid's own file, for podid plan, apply and diff. With --as, podid prints a file for another
    tool, with the identifiers that the tool requires to import existing resources:

    terraform (also OpenTofu), terraform-module (terraform-aws-modules/eks-pod-identity/aws), cloudformation, eksctl,
    ack (AWS Controllers for Kubernetes), crossplane, pulumi (an import file) and aws-cli (a script).

    If a form cannot express a setting, podid adds a comment to the file and prints a note on stderr. Associations of
    add-ons, tags of AWS and podid, ids and times are omitted.

    Example: podid export > identities.yaml

    Example: podid export -n shop --as terraform > shop.tf

    Example: podid export shop/orders --as cloudformation

    Example: podid export --roles
    """
    from podid.ops.declare.export import read_identities
    from podid.render.export.view import export_view

    terminal = access.terminal
    access.check_whose_pods(options.service_accounts, everywhere=True)
    place = access.place()
    with terminal.working("reading associations and roles"):
        identities = read_identities(
            access.clients,
            place.the_cluster,
            options,
            namespace=access.shared.namespace,
            in_namespaces=access.in_namespaces,
        )
    terminal.emit(export_view(options.as_, identities))
    if identities.failure is not None:
        terminal.tell_failure(identities.failure)
    terminal.leave(identities.exit_code)
