from podid.checks.base import Check
from podid.checks.shared import trust

CHECK = Check.of("trust-condition-never-matches", trust.rule, needs=trust.NEEDS, wants=trust.WANTS)
