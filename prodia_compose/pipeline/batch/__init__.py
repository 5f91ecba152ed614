"""Many compositions: rows, what is due of them, and a window of jobs on their way."""
