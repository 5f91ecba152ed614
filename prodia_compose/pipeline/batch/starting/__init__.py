"""When a row of a batch is sent, and what ends that for all."""
