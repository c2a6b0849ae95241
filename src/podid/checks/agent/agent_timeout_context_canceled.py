"""Only the logs of the agent show this failure, so without them the verdict is unknown."""

from podid.checks.shared import logs

agent_timeout_context_canceled = logs.check("agent-timeout-context-canceled")
