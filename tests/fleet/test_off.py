"""Without a section `fleet`, and with a model that holds, nothing of this room is imported."""

import subprocess
import sys
from pathlib import Path

from tests.end_to_end.daemon import MASKED, write_config, write_model, write_scene

PROGRAM = (
    "import sys; from edge_mask.cli import main; main(sys.argv[1:]);"
    " print([name for name in sys.modules if name.startswith(('edge_mask.fleet.', 'edge_mask.packages.remote'))])"
)


def test_nothing_is_imported_while_it_is_off(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [MASKED])
    words = [sys.executable, "-c", PROGRAM, "run", "--until-idle", "--config", str(write_config(tmp_path, None))]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"
