"""What a shell is told at a TAB press, and the scripts that ask; without Typer."""
