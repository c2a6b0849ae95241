from podid.checks.base import Check
from podid.checks.shared import logs

CHECK = Check.of(
    "agent-timeout-context-canceled",
    logs.rule,
    needs=logs.NEEDS,
    wants=logs.WANTS,
)
