"""`edge-mask rules`: evaluates a statement; tests, checks and exports rule files."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import a_path
from edge_mask.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_mask.rules.rule_file import Action, RuleDefinition

DEFAULT_VERSION = "2016-03-23"
"""Default of `rules eval` only, as in the AWS console. A rule file without awsIotSqlVersion means 2015-10-08."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parsers."""
    parser = subparsers.add_parser("rules", help="try, test, check and export rules", description=__doc__)
    kinds = parser.add_subparsers(dest="rules_command", metavar="COMMAND", required=True)
    _add_eval(kinds.add_parser("eval", help="run one statement on one message"))
    _add_test(kinds.add_parser("test", help="run the table of cases beside each rule file"))
    _add_check(kinds.add_parser("check", help="say what is wrong with rule files, and what runs where"))
    _add_export(kinds.add_parser("export", help="the same rules for AWS"))


def _add_eval(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Prints the outgoing payload. Exit 1 and nothing on stdout when topic or WHERE do not match; exit 2 and a"
        " sentence for a statement in error."
    )
    parser.add_argument("--sql", required=True, help="the statement")
    parser.add_argument("--topic", required=True, help="the topic of the message")
    parser.add_argument("--payload", required=True, metavar="FILE", help="the message; - for standard input")
    parser.add_argument("--sql-version", default=DEFAULT_VERSION, metavar="V", help=f"default: {DEFAULT_VERSION}")
    parser.add_argument("--client-id", metavar="C", help="what clientid() says")
    parser.add_argument("--timestamp", type=int, metavar="MS", help="what timestamp() says (default: now)")
    parser.add_argument("--shadow", metavar="FILE", help="what get_thing_shadow() finds: JSON, documents by thing")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity: the output is JSON anyway")
    parser.set_defaults(function=run_eval)


def _add_test(parser: argparse.ArgumentParser) -> None:
    parser.description = "Runs hot.test.yaml for hot.yaml. Exit 1 when a case fails."
    parser.add_argument("files", nargs="+", type=a_path, metavar="FILE", help="a rule file")
    parser.add_argument("--json", action="store_true", help="one JSON object for each case")
    parser.set_defaults(function=run_test)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Exit 2 and a sentence with line and column for each thing that is wrong."
    parser.add_argument("files", nargs="+", type=a_path, metavar="FILE", help="a rule file")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(function=run_check)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.description = "Prints the rules as AWS takes them; what AWS has no place for is said on stderr."
    parser.add_argument("files", nargs="+", type=a_path, metavar="FILE", help="a rule file")
    parser.add_argument("--format", choices=("cloudformation", "cli"), default="cloudformation")
    parser.add_argument("--role-arn", metavar="ARN", help="the role of the actions that name none")
    parser.add_argument("--json", action="store_true", help="JSON (cli always is; CloudFormation is YAML without it)")
    parser.set_defaults(function=run_export)


def run_eval(arguments: argparse.Namespace) -> int:
    """One statement, one message."""
    from edge_mask.sql import NO_MATCH, Context, EvaluationError, RuleError, compile_rule, to_payload

    try:
        payload = sys.stdin.buffer.read() if arguments.payload == "-" else Path(arguments.payload).read_bytes()
    except OSError as error:
        raise ConfigurationError([f"{arguments.payload}: cannot be read: {error.strerror}"]) from None
    now = arguments.timestamp if arguments.timestamp is not None else time.time_ns() // 1_000_000
    try:
        rule = compile_rule(arguments.sql, arguments.sql_version)
        context = Context(timestamp=now, client_id=arguments.client_id, shadow=_shadows(arguments.shadow))
        value = rule.evaluate(arguments.topic, payload, context)
        output = b"" if value is NO_MATCH else to_payload(value)
    except (RuleError, EvaluationError) as error:
        raise ConfigurationError([str(error)]) from None
    for warning in rule.warnings:
        print(warning, file=sys.stderr)
    if value is NO_MATCH:
        return 1
    sys.stdout.buffer.write(output if isinstance(value, bytes) else output + b"\n")
    sys.stdout.buffer.flush()
    return 0


def _shadows(file: str | None) -> "Callable[[str, str | None], Any] | None":
    if file is None:
        return None
    from edge_mask.sql import EvaluationError
    from edge_mask.sql.json import decode_text

    try:
        text = Path(file).read_text(encoding="utf-8")
        json.loads(text)  # reports the place of the error
        documents = decode_text(text, 2)  # as in the daemon, with every digit
    except (OSError, ValueError, RecursionError, EvaluationError) as error:
        raise ConfigurationError([f"{file}: cannot be read: {error}"]) from None
    if not isinstance(documents, dict):
        raise ConfigurationError([f'{file}: expected a JSON object of documents by thing: {{"gate-01": {{…}}}}'])
    return lambda thing, name: documents.get(thing if name is None else f"{thing}/{name}")


def _load(files: Iterable[Path]) -> "list[RuleDefinition]":
    """The rules of all files; ConfigurationError with every problem."""
    from edge_mask.rules.rule_set import RuleSet

    return list(RuleSet.load(list(files)).rules)


def run_test(arguments: argparse.Namespace) -> int:
    """Every case of every table."""
    from edge_mask.rules.rule_file import is_table
    from edge_mask.rules.table import load_table, run_case, table_beside

    failed = ran = 0
    for file in arguments.files:
        if is_table(file):
            continue
        rules = _load([file])
        cases, problems = load_table(table_beside(file))
        if problems:
            raise ConfigurationError(problems)
        for number, case in enumerate(cases, 1):
            outcome = run_case(case, rules, number)
            ran += 1
            failed += bool(outcome.problem)
            _print_case(file, outcome.name, outcome.problem, as_json=arguments.json)
    if not ran:
        raise ConfigurationError(["no case was run: name a rule file that has its table beside it"])
    return 1 if failed else 0


def _print_case(file: Path, name: str, problem: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": str(file), "case": name, "ok": not problem, "problem": problem}, ensure_ascii=False))
    else:
        print(f"{file}: {name}: " + (f"FAILED: {problem}" if problem else "ok"))


def run_check(arguments: argparse.Namespace) -> int:
    """List each rule, and where it runs."""
    from edge_mask.rules.aws_actions import NEEDS_ROLE

    rules = _load(arguments.files)
    described = [_described(rule, NEEDS_ROLE) for rule in rules]
    if arguments.json:
        print(json.dumps(described, ensure_ascii=False, indent=2))
        return 0
    for rule in described:
        print(f"{rule['file']}: {rule['rule']}: ok" + (" (disabled)" if rule["disabled"] else ""))
        for action in rule["actions"]:
            print(f"  {action['action']}: {action['runs']}")
        for note in rule["notes"]:
            print(f"  note: {note}")
    return 0


def _described(rule: "RuleDefinition", needs_role: frozenset[str]) -> dict[str, Any]:
    actions = list(rule.actions)
    named = [(action, "") for action in actions] + ([(rule.error_action, "error action ")] if rule.error_action else [])
    cloud = rule.statement.cloud_functions
    notes = list(rule.statement.warnings)
    if cloud:
        notes.append(f"{', '.join(sorted(cloud))}() needs AWS: this rule is exported, and does not run on the device")
    elif not rule.runs_here:
        notes.append("no action runs on the device: this rule is only exported")
    if any(action.kind in needs_role and "roleArn" not in action.fields for action, _prefix in named):
        notes.append("no roleArn: fine on the device; AWS needs one (rules export --role-arn)")
    return {
        "file": rule.file,
        "rule": rule.name,
        "disabled": rule.is_disabled,
        "version": rule.statement.version,
        "topics": rule.statement.topic_filter,
        "actions": [{"action": prefix + _name(action), "runs": _where(action, cloud)} for action, prefix in named],
        "notes": notes,
    }


def _name(action: "Action") -> str:
    return f"edgeMask.{next(iter(action.fields))}" if action.kind == "edgeMask" else action.kind


def _where(action: "Action", cloud: frozenset[str]) -> str:
    if action.device is None:
        return f"runs in AWS ({action.why_aws})"
    return "runs in AWS (its statement needs AWS)" if cloud else "runs on the device"


def run_export(arguments: argparse.Namespace) -> int:
    """Print the rules in a form for AWS."""
    from edge_mask.rules.export import as_cli, as_cloudformation, to_yaml

    rules = _load(arguments.files)
    exported = (as_cli if arguments.format == "cli" else as_cloudformation)(rules, arguments.role_arn)
    for remark in exported.remarks:
        print(remark, file=sys.stderr)
    if arguments.format == "cli" or arguments.json:
        print(json.dumps(exported.document, ensure_ascii=False, indent=2))
    else:
        print(to_yaml(exported.document), end="")
    return 0
