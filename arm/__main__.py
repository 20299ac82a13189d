"""`python -m arm` is `arm`."""

import sys

from arm.cli import main

if __name__ == "__main__":
    sys.exit(main())
