"""From labelled pictures to a finished model package: `python -m training --data PATH --out DIR`."""
