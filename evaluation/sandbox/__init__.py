"""Runs a stranger's image on a cohort's images, next to data that it must not see."""
