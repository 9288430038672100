"""``python -m leadline`` is the command line."""

import sys

from leadline.cli import main

if __name__ == "__main__":
    sys.exit(main())
