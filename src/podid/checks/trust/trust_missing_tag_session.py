from podid.checks.base import Check
from podid.checks.shared import trust

CHECK = Check.of("trust-missing-tag-session", trust.rule, needs=trust.NEEDS, wants=trust.WANTS)
