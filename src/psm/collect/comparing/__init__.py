"""Stages that decide on a candidate by all the others: selection, duplicates, held-out splits."""
