"""The configuration: every environment variable, its effective value and where it came from.

    python config.py                         the same as `python reducer.py --explain`
    python config.py --env-file dev.env      variables that are not set come from the file

`src/reduction/app/config.py` has the table of variables.
"""

import sys

from reduction.app.controller import main

if __name__ == "__main__":
    sys.exit(main(["--explain", *sys.argv[1:]]))
