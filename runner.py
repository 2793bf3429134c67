"""One runner of a run, alone: its share of the splits becomes a partial.

python runner.py ID [--env-file FILE]    runs just runner ID of REDUCER_RUNNERS_QTY, for job arrays
"""

import sys

from reduction.app.runner import main

if __name__ == "__main__":
    sys.exit(main())
