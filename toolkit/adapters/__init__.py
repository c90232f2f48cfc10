"""What each modality says for itself."""
