from podid.checks.base import Check
from podid.checks.shared import trust

CHECK = Check.of("trust-too-broad", trust.rule, needs=trust.NEEDS, wants=trust.WANTS)
