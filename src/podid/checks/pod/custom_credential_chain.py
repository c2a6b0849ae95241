from podid.checks.base import Check
from podid.checks.shared import logs

CHECK = Check.of("custom-credential-chain", logs.rule, needs=logs.NEEDS, wants=logs.WANTS)
