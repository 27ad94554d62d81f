"""The report's figures: inline SVG, each with the numbers behind it."""
