"""Whether files are the pictures that were saved: `verdicts` judges, by the `origins` of pictures."""
