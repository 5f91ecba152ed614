"""The commands: what each takes, what its help says, and what it does; a module each.

Only the one that is called is loaded, as declaring takes time too.
"""

from prodia_compose import addresses

_FIELDS = """
Fields of -o: {stem} and {first}, the names of the last and the first picture
without suffix; {model}, {seed}, {date}, {time}, {n} (how many pictures), {ext}.
More: `help names`.
"""

_FIELDS_OF_BATCH = """
Fields of -o: {id}, {row} (its number), {each} (the entry of --each), the
variables of the row; and {stem}, {first}, {model}, {seed}, {date}, {time}, {n},
{ext} as in compose. More: `help names`, `help batch`.
"""

_TOKEN = f"""
Token: make one at {addresses.DASHBOARD} and put it into the variable
PRODIA_TOKEN, or into a file for --token-file. `validate` and --sandbox need none.
"""

_VARIABLES = """
Options with one value, the prompt excepted, are also read from the
environment: --max-cost from PRODIA_COMPOSE_MAX_COST, and so on; and then from
a config file, as max-cost = 0.05 below [compose]; see config --help.
"""

_CODES = """
Exit codes: 0 done, 2 usage, 3 input, 4 token, 5 rejected, 6 busy,
7 not delivered, 8 output place, 9 unknown (look before you run it again),
10 picture kept elsewhere, 12 over --max-cost, 130 interrupted.
"""

_CODES_OF_VALIDATE = """
Exit codes: 0 ready, 2 usage, 3 input, 4 token, 7 a picture could not be
downloaded, 8 output place, 9 the same job may be billed already,
12 over --max-cost, 130 interrupted.
"""

_CODES_OF_BATCH = """
Exit codes: 0 all rows are done, 11 some are not (run it again: it goes on),
12 the next row does not fit the budget, 130 interrupted; before anything is
sent 2 usage, 3 input, 4 token, 7 no cluster, 8 output place, 12 price too high.
"""

_CODES_OF_COMPARE = """
\b
Exit codes: 0 all pictures are there, 11 some are not (of the others it is
told why), 12 the next one does not fit the budget, 130 interrupted; if
nothing could be sent 2 usage, 3 input, 4 token, 8 output place,
12 price too high.
"""

EPILOG = _FIELDS + _TOKEN + _VARIABLES + _CODES
"""What the help of `compose` ends with."""

EPILOG_OF_VALIDATE = _FIELDS + _TOKEN + _VARIABLES + _CODES_OF_VALIDATE
"""What the help of `validate` ends with."""

EPILOG_OF_BATCH = _FIELDS_OF_BATCH + _TOKEN + _VARIABLES + _CODES_OF_BATCH
"""What the help of `batch` ends with."""

EPILOG_OF_COMPARE = _TOKEN + _VARIABLES + _CODES_OF_COMPARE
"""What the help of `compare` ends with."""
