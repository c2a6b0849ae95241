"""podid mcp."""

from podid.cli.command import Access, command
from podid.domain.errors import UsageError
from podid.domain.option import switch


@command(shared=("cluster", "region", "profile", "expect_account", "timeout", "context", "kubeconfig", "journal_dir"))
def mcp(
    access: Access,
    allow_write: bool = switch("Add the tool apply, which carries out a plan."),
    allow_verify: bool = switch("Add the tool verify, which redeems a token of a pod."),
) -> None:
    """Serve podid's tools to AI assistants over the Model Context Protocol.

    A client starts this command and uses its stdin and stdout. The tools read and plan changes, and return podid's JSON
    documents. With --allow-write, the tool apply also carries out a plan by its id if the actions are still the same.

    Options of this command apply to each call. A client can choose cluster and region only if they are not specified
    here, and can never choose the profile. The command requires the extra podid[mcp].

    Example: podid mcp --cluster prod --region eu-west-1

    Example: podid mcp --profile readonly --allow-verify
    """
    from podid.cli.server.calls import Calls, fixed_options
    from podid.cli.server.tools import EVERY

    try:
        from podid.cli.server.serve import serve
    except ImportError as error:
        from podid.local.processes import install_command

        message = "The MCP server requires the extra podid[mcp], which is not installed"
        raise UsageError(message, hint=install_command("mcp")) from error
    allowed = {"": True, "--allow-write": allow_write, "--allow-verify": allow_verify}
    tools = [tool for tool in EVERY if allowed[tool.needs]]
    serve(Calls(access.runtime, fixed_options(access), allow_write=allow_write), tools)
