"""The controller: turns a tree of CSV files into one Combined.csv.

    python reducer.py                        as the environment says (README.md lists every variable)
    python reducer.py --env-file dev.env     variables that are not set come from the file
    python reducer.py --explain              print every effective value and where it came from
    python reducer.py --inline               all runners in this process, one after the other, for a debugger

On several nodes: REDUCER_MODE=reduce with the same REDUCER_RUNNERS_QTY and the node's own
REDUCER_LOW_RUNNER and REDUCER_HIGH_RUNNER on each, then REDUCER_MODE=collect on one.
"""

import sys

from reduction.app.controller import main

if __name__ == "__main__":
    sys.exit(main())
