"""`python -m training --data PATH --out DIR`."""

from training.command import main

raise SystemExit(main())
