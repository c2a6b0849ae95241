from podid.checks.base import Check
from podid.checks.shared import trust

CHECK = Check.of("trust-request-tag-with-tags-disabled", trust.rule, needs=trust.NEEDS, wants=trust.WANTS)
