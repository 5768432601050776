"""The `edge-mask` command: one small module per command, each with `add(subparsers)`."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from edge_mask import __version__
from edge_mask.errors import ConfigurationError, DatabaseError, EdgeMaskError, ModelError

COMMANDS = ("run", "demo", "check", "detect", "rules", "outbox", "history", "shadow", "model", "bench", "schema")
"""Modules of this package in the order of `--help`; each is imported only to build its own parser."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(prog="edge-mask", description="Face-mask detection and temperature at the edge.")
    root.add_argument("--version", action="version", version=f"edge-mask {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"edge_mask.cli.{name}").add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours is a sentence on stderr and an exit code, never a traceback."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.function(arguments))
    except ConfigurationError as error:
        code = 2
        print(error, file=sys.stderr)
    except ModelError as error:
        code = 3
        print(f"model: {error}", file=sys.stderr)
    except DatabaseError as error:
        code = 4
        print(f"database: {error}", file=sys.stderr)
    except EdgeMaskError as error:
        code = 1
        print(error, file=sys.stderr)
    except BrokenPipeError:  # `edge-mask history | head`
        code = 0
        sys.stderr.close()
    except KeyboardInterrupt:
        code = 130
    return code
