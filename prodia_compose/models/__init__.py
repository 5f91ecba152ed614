"""What is known of the models, each fact with its source."""
