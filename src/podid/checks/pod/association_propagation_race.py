from podid.checks.shared import injection

association_propagation_race = injection.check("association-propagation-race")
