"""The AWS half: podid's own EKS and EKS Auth, and IAM, STS and EC2 of moto, behind one gateway."""
