"""podid validate."""

from podid.cli.command import Access, command
from podid.ops.declare.request import ValidateOptions


@command()
def validate(access: Access, options: ValidateOptions) -> None:
    """Validate files without calling AWS or Kubernetes.

    podid checks the syntax, the keys and values, and the references between the parts of a file, and lists every
    mistake with its line and column. podid validates the files of a directory together, and other files separately. It
    does not check whether roles and clusters exist; podid plan does. Exit 0 if all files are valid, 3 if one is not, 2
    if one cannot be read.

    Example: podid validate identities.yaml

    Example: podid validate identities/ --var TEAM=shop
    """
    from podid.ops.declare.files import read_variables
    from podid.ops.declare.files import validate as validated
    from podid.render.fileplan import validation_view

    variables = read_variables(options.variables, options.variable_files, read_file=access.terminal.read_file)
    files = validated(options.files, variables, read_file=access.terminal.read_file)
    access.terminal.emit(validation_view(files))
    access.terminal.leave(files.exit_code)
