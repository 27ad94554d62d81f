"""The ranking, pure: scores of patients in, standings out. The method is in `../RANKING.md`."""
