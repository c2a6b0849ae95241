from podid.checks.base import Check
from podid.checks.shared import logs

CHECK = Check.of("eks-auth-throttled", logs.rule, needs=logs.NEEDS, wants=logs.WANTS)
