"""Configurations, and what the command makes of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.identity.judge import ACCOUNT, REGION, Judge

from edge_mask.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "config").glob("*.yaml"))
BASIC: Mapping[str, Any] = {
    "device": {"thing_name": "gate-01"},
    "cameras": [{"name": "front", "source": "usb:0", "role": "gate"}],
    "sensors": [{"name": "forehead", "kind": "w1"}],
    "mqtt": {"host": f"a1b2c3-ats.iot.{REGION}.amazonaws.com"},
}


def site(folder: Path, *, rules: Mapping[str, Any] | None = None, **changes: Any) -> Path:
    """A configuration file; `rules` are written beside it."""
    config = {**BASIC, **changes}
    if rules is not None:
        (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)), "utf-8")
        config["rules"] = [str(folder / "rules.yaml")]
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), "utf-8")
    return path


def rule(sql: str, topic: str, **action: Any) -> dict[str, Any]:
    """One that republishes."""
    return {"sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [{"republish": {"topic": topic, **action}}]}


class Aws:
    """`edge-mask aws`, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.told = ""
        """What the last command said on stderr."""

    def run(self, *words: str | Path) -> str:
        """What it prints; it must end well."""
        assert main(["aws", *map(str, words)]) == 0
        captured = self._capsys.readouterr()
        self.told = captured.err
        return captured.out

    def refused(self, *words: str | Path, code: int = 2) -> str:
        """What it says on stderr when it ends with `code`."""
        try:
            ended = main(["aws", *map(str, words)])
        except SystemExit as error:  # argparse
            ended = int(error.code or 0)
        captured = self._capsys.readouterr()
        assert (ended, captured.out) == (code, "")
        return captured.err

    def policies(self, config: Path, *options: str) -> dict[str, Any]:
        """By name."""
        found = json.loads(self.run("policy", "--config", config, "--account", ACCOUNT, "--region", REGION, *options))
        assert isinstance(found, dict)
        return found

    def judge(self, config: Path, *options: str, thing: str = "") -> Judge:
        return Judge(self.policies(config, *options).values(), thing)


def arns(policies: Mapping[str, Any], action: str) -> Sequence[str]:
    """The resources of an action, without what is the same in all."""
    return [
        arn.rpartition(f"{ACCOUNT}:")[2]
        for document in policies.values()
        for statement in document["Statement"]
        if action in statement["Action"]
        for arn in statement["Resource"]
    ]
