from podid.checks.base import Check
from podid.checks.shared import injection

CHECK = Check.of("pod-predates-association", injection.rule, needs=injection.NEEDS, wants=injection.WANTS)
