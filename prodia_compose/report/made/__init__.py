"""What was made, for people to look at: a page, contact sheets, a table."""
