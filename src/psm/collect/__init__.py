"""Building a data set of recordings from their archives: resumable, licence-clean, for anyone."""
