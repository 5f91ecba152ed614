"""Many compositions: rows, a budget, a rate, and results that a later run goes on from."""
