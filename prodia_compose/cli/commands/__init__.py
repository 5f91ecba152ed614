"""The commands: what each takes, what its help says, and what it does; a module each.

Only the one that is called is loaded, as declaring takes time too.
"""

EPILOG = """\b
Options with one value, the prompt excepted, are also read from the
environment: --max-cost from PRODIA_COMPOSE_MAX_COST, and so on.

\b
Exit codes: 0 done, 2 usage, 3 input, 4 token, 5 rejected, 6 busy,
7 not delivered, 8 output place, 9 unknown (look before you run it again),
10 picture kept elsewhere, 12 over --max-cost, 130 interrupted.
"""
"""What the help of `compose` and `validate` ends with."""
