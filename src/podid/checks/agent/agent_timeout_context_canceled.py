"""Only the logs of the agent show this failure, so without them the verdict is unknown."""

from podid.checks.shared.logs import only_in_logs

agent_timeout_context_canceled = only_in_logs("agent-timeout-context-canceled")
