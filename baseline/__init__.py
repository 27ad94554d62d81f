"""The reference nnU-Net: from a cohort to a model, from a T2 volume to a submission."""
