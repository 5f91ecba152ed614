"""Model, prompt and images turned into the body to send, or into a folder."""
