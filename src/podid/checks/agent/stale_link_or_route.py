from podid.checks.base import Check
from podid.checks.shared import logs

CHECK = Check.of("stale-link-or-route", logs.rule, needs=logs.NEEDS, wants=logs.WANTS)
