"""requests, loaded without the library that guesses the encoding of texts.

Only `Response.text` asks for it, and nobody here asks for that: answers are bytes. It takes
a fifth of the time that requests takes to load, and requests does without it where it is
not installed, but for a warning.
"""

import sys
import warnings

_GUESSERS = ("chardet", "charset_normalizer")

_hidden = [name for name in _GUESSERS if name not in sys.modules]
# Left in place: to put the filters back would take out those of other threads.
warnings.filterwarnings("ignore", "Unable to find acceptable character detection dependency")
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment] # how Python spells "cannot be imported"
try:
    import requests  # noqa: F401
finally:
    for _name in _hidden:
        del sys.modules[_name]
