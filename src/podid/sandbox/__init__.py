"""An AWS account and an EKS cluster on this machine, for trying and testing."""
