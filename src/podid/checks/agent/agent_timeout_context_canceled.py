from podid.checks.shared import logs

agent_timeout_context_canceled = logs.check("agent-timeout-context-canceled")
