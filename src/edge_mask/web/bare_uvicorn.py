"""uvicorn without its command line.

Its package imports that first, and with it click, reloading and multiprocessing: 1.5 MiB. Here the package begins
empty, and becomes whole as soon as somebody asks it for more than its parts.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any, Final

_LIES_IN: Final = {"Config": "uvicorn.config", "Server": "uvicorn.server"}
"""What its parts ask the package for, and what a whole one imports from there."""
_IN_THE_WHOLE: Final = ("main", "run", "__version__")


def without_command_line() -> None:
    """Call it before any part of uvicorn is imported. Does nothing where it is imported already, or not installed."""
    if "uvicorn" in sys.modules or (spec := find_spec("uvicorn")) is None or (loader := spec.loader) is None:
        return
    package = module_from_spec(spec)

    def lacking(name: str) -> Any:
        if name in _LIES_IN:
            return getattr(import_module(_LIES_IN[name]), name)
        if name not in _IN_THE_WHOLE:
            raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")
        loader.exec_module(package)
        return vars(package)[name]

    package.__getattr__ = lacking  # type: ignore[method-assign]  # asked for what the package does not have (PEP 562)
    sys.modules["uvicorn"] = package
