"""`python -m edge_mask` is the `edge-mask` command."""

import sys

from edge_mask.cli import main

sys.exit(main())
