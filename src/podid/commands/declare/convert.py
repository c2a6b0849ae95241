"""podid convert."""

from podid.cli.command import Access, command
from podid.ops.declare.request import FileOptions


@command()
def convert(access: Access, files: FileOptions) -> None:
    """Convert a file of another tool to podid's own format.

    podid reads: eksctl's ClusterConfig (iam.podIdentityAssociations), manifests of AWS Controllers for Kubernetes and
    Crossplane, the output of aws eks describe-pod-identity-association, and the output of podid list as JSON, JSON
    lines, YAML or CSV.

    Each cluster of a file becomes one document. If podid's format cannot express a setting, podid adds a comment to the
    file and prints a note. podid calls neither AWS nor Kubernetes.

    Example: podid convert -f cluster.yaml > identities.yaml

    Example: podid convert -f manifests/
    """
    from podid.ops.declare.files import read_files
    from podid.render.export.view import convert_view

    access.terminal.emit(convert_view(read_files(files, read_file=access.terminal.read_file)))
