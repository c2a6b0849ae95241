"""A simulated AWS account and EKS cluster on this machine, for trials and tests."""
