"""Send jobs that are answered in 2,000 odd ways, over HTTP and TLS, and tell what went wrong.

Usage: python tests/tools/mutate_answers.py [COUNT [FIRST_SEED]]

The first lines of a failure name its seed: `COUNT=1 FIRST_SEED=THAT` shows it alone.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import mutating


def main() -> int:
    """Do what the module says; return 1 if anything went wrong."""
    count, first = [*map(int, sys.argv[1:]), *(2000, 0)[len(sys.argv) - 1 :]]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            # In turn over HTTP and TLS.
            for problem in mutating.problems(seed, Path(folder) / str(seed), tls=bool(seed % 2)):
                wrong += 1
                sys.stdout.write(f"{problem}\n\n")
                sys.stdout.flush()
    sys.stdout.write(f"{count} answers, {wrong} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
