"""What is stored of a series, as its watch needs it after a start."""

