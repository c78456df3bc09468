"""What is shown by more than examples."""
