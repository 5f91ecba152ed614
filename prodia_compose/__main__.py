"""Make `python -m prodia_compose` the same as `prodia-compose`."""

from prodia_compose.cli import entry_point

if __name__ == "__main__":
    entry_point()
