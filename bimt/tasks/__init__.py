"""What a net is trained on."""
