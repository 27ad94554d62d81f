"""How a submission is scored."""
