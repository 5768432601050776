"""The model that is wished of this device: fetched, verified, tried, taken or taken back; and a broken one restored."""
