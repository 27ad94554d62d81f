"""What nnU-Net finds through `nnUNet_extTrainer`: modules with trainers, by class name."""
