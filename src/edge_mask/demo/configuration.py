"""The demo's configuration, as a file that a person can read and copy from."""

from pathlib import Path

import yaml

SAMPLE = Path(__file__).parent / "sample"
FILM = SAMPLE / "visitors.mp4"
READINGS = SAMPLE / "forehead.csv"
ROOT = "edge-mask/{thing}"


def configuration(folder: Path, *, model: Path, host: str, port: int) -> str:
    """YAML for the daemon: a gate and a room camera on one film, a thermometer; the database in `folder`."""
    film = f"file:{FILM}"
    return yaml.safe_dump(
        {
            "device": {"thing_name": "demo"},
            "cameras": [
                {"name": "front", "source": film, "role": "gate", "interval": "0.2s", "loop": True},
                {"name": "hall", "source": film, "role": "cctv", "interval": "1s", "loop": True},
            ],
            "detector": {"model": str(model)},
            "sensors": [
                {"name": "forehead", "kind": "replay", "path": str(READINGS), "quantity": "temperature", "loop": True}
            ],
            "gate": {"fever_above": 37.5, "temperature_sensor": "forehead"},
            "cctv": {"streak": 3, "rearm_after": "10s"},
            "mqtt": {"host": host, "port": port, "protocol": "3.1.1"},  # the embedded broker knows no other
            "topics": {"root": ROOT},
            "outbox": {"path": str(folder / "edge-mask.db")},
            "detections": "off",  # several each second: too many to read
            "health": {"interval": "10s"},
            "snapshots": {"dir": str(folder / "snapshots")},
            "log": {"level": "warning", "format": "console"},
        },
        sort_keys=False,
        allow_unicode=True,
    )
