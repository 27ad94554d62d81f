"""Results become a ranking and a site."""
