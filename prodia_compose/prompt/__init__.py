"""The prompt: its labels, what it refers to, its slips."""
