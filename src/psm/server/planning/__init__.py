"""Plans of a survey: long answers, made beside the others, a piece at a time."""
