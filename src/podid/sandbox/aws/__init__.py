"""The AWS half: EKS and EKS Auth of our own, IAM, STS and EC2 by moto, behind one gateway."""
