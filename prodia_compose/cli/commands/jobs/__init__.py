"""`jobs`: its commands, by what they do; `group` declares them."""
