from podid.checks.shared.injection import of_pod_state

pod_predates_association = of_pod_state("pod-predates-association")
