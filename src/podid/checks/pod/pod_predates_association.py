from podid.checks.shared import injection

pod_predates_association = injection.check("pod-predates-association")
