from podid.checks.shared.injection import of_pod_state

association_propagation_race = of_pod_state("association-propagation-race")
