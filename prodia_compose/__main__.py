"""The program: `prodia-compose`, and `python -m prodia_compose` the same."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until the run has handlers of its own, Ctrl-C just ends it, without a traceback. Before all
    # else: what is loaded next takes most of the time that a short run takes.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from prodia_compose.cli import entry_point

if __name__ == "__main__":
    entry_point()
