"""The walk of docs/aws.md, line by line: what is the CLI's against moto, what is ours for real."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from tests.docs.test_docs import PAGES, ROOT
from tests.identity.aws_cli import Wrong, check, run
from tests.identity.aws_payloads import is_understood
from tests.papers import Papers

from edge_mask.cli import parser

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FOR_PEOPLE = ("edge-mask check", "edge-mask run")
"""They need a camera and an endpoint: that they are understood is all that is asked."""
ELSEWHERE = ("curl ", "pip install ")
OF_THE_CLI = re.compile(r"(\w+=\$\()?aws ")
A_GATE = "device: {thing_name: gate-01}\ncameras: [{name: front, source: 'usb:0', role: gate}]\n"
WISH = "aws iot-data update-thing-shadow --thing-name gate-01 --shadow-name edge-mask --payload '{}' answer.json"
JOB = "aws iot create-job --job-id a --targets arn:aws:iot:eu-central-1:123456789012:thing/gate-01 --document '{}'"
COMMAND = "aws iot-data publish --topic edge-mask/gate-01/commands/{} --payload '{}'"


def lines_of(page: str) -> Iterator[str]:
    """The commands of a page; one with a text behind it (`<<END`) is one command."""
    for block in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        text = block.replace("\\\n", " ")
        for found in re.finditer(r"^(?:.*<<END\n(?:.*\n)*?END|.+)$", text, re.MULTILINE):
            yield found[0].partition("   #")[0] if "<<END" not in found[0] else found[0]


class Shell:
    """A POSIX shell whose `aws` is moto."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def does(self, line: str) -> None:
        if found := re.fullmatch(r"(\w+)=\$\((aws .*)\)", line):
            self.environ[found[1]] = self.aws(found[2])
        elif line.startswith("aws "):
            self.aws(line)
        elif found := re.fullmatch(r"export (\w+)=(\S+)", line):
            self.environ[found[1]] = os.environ[found[1]] = found[2]
        elif line.startswith(FOR_PEOPLE):
            parser().parse_args(shlex.split(line)[1:])
        elif not line.startswith(ELSEWHERE):
            done = self.sh(line)
            assert done.returncode == 0, f"{line}\n{done.stderr}"

    def sh(self, line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-euc", line], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )

    def aws(self, line: str) -> str:
        words = [self.sh(f'printf "%s" "{word}"').stdout if "$" in word else word for word in shlex.split(line)]
        call = check(shlex.join(words), self.folder)
        if call is None:
            return ""
        is_understood(call, self.folder / "config.yaml")
        return run(call, self.folder)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "stand-in")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    monkeypatch.chdir(tmp_path)  # the files that a configuration names are found from there
    with mock_aws():
        yield Shell(tmp_path)


def test_the_walk_leads_from_an_empty_account_to_nothing_left_behind(shell: Shell, tmp_path: Path) -> None:
    papers = Papers(tmp_path / "papers")
    for line in lines_of("aws.md"):
        if line.startswith("curl "):
            (tmp_path / "AmazonRootCA1.pem").write_bytes(papers.ca.read_bytes())
        shell.does(line)
        if line.startswith("CERTIFICATE="):  # moto's certificate does not fit its key
            (tmp_path / "gate-01.pem").write_bytes(papers.device.cert.read_bytes())
            (tmp_path / "gate-01.key").write_bytes(papers.device.key.read_bytes())
    assert shell.aws("aws iot list-things --query things") == "[]"
    assert shell.aws("aws iot list-policies --query policies") == "[]"
    assert shell.aws("aws iot list-certificates --query certificates") == "[]"


@pytest.mark.parametrize("page", ["shadow.md", "greengrass.md"])
def test_commands_of_the_cli_on_other_pages_are_understood(page: str, tmp_path: Path) -> None:
    (tmp_path / "components.json").write_text('{"edge_mask": {"componentVersion": "0.1.0"}}')
    (tmp_path / "greengrass-build/recipes").mkdir(parents=True)
    (tmp_path / "greengrass-build/recipes/recipe.yaml").write_text("RecipeFormatVersion: '2020-01-25'\n")
    (tmp_path / "config.yaml").write_text(A_GATE)
    lines = [line for line in lines_of(page) if line.startswith("aws ")]
    assert lines
    for line in lines:
        if (call := check(line, tmp_path)) is not None:
            is_understood(call, tmp_path / "config.yaml")


def test_no_other_page_has_commands_of_the_cli() -> None:
    """What the test above relies on."""
    having = [
        page.name for page in PAGES if page.parent.name == "docs" and any(map(OF_THE_CLI.match, lines_of(page.name)))
    ]
    assert sorted(having) == ["aws.md", "greengrass.md", "shadow.md"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("aws iott create-thing --thing-name a", "no service iott"),
        ("aws iot create-things --thing-name a", "no operation create-things"),
        ("aws iot create-thing --name a", "has no --name"),
        ("aws iot create-thing", "Missing required parameter"),
        ("aws iot create-thing --thing-name a --attribute-payload '{\"attribute\": {}}'", "Unknown parameter"),
        ("aws iot create-thing --thing-name a leftover", "stands alone"),
        ("aws iot update-certificate --certificate-id a --new-status INAKTIV", "INAKTIV is none of"),
    ],
)
def test_a_command_that_the_cli_would_refuse_is_found(line: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=why):
        check(line, tmp_path)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (WISH.format('{"state": {"desired": {"config": {"gate": {"vots": 5}}}}}'), "gate.vots: unknown key"),
        (WISH.format('{"state": {"desired": {"config": {"mqtt": {"port": 1}}}}}'), "cannot be set from outside"),
        (WISH.format('{"state": {"desired": {"konfig": {}}}}'), 'unknown key "konfig"'),
        (JOB.format('{"operation": "konfigure", "set": {}}'), 'found "konfigure"'),
        (JOB.format('{"operation": "configure", "set": {"gate": {"vots": 5}}}'), "gate.vots: unknown key"),
        (COMMAND.format("relaod", "{}"), "no command is heard on"),
        (COMMAND.format("reload", '{"request": "r-1"}'), "request\n"),
    ],
)
def test_what_the_device_would_refuse_is_found(line: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(A_GATE)
    call = check(line, tmp_path)
    assert call is not None
    with pytest.raises(Wrong, match=why):
        is_understood(call, tmp_path / "config.yaml")
