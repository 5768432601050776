"""What both nuclei want of a recipe, from the recipe reference and from what nucleus lite does with one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

TOP = {
    "RecipeFormatVersion", "ComponentName", "ComponentVersion", "ComponentType", "ComponentDescription",
    "ComponentPublisher", "ComponentConfiguration", "ComponentDependencies", "Manifests",
}  # fmt: skip
REQUIRED = ("RecipeFormatVersion", "ComponentName", "ComponentVersion", "Manifests")
PHASES = {"install", "run", "startup", "bootstrap"}
"""Those that both know. Lite reads `run` and not `Run`, has no shutdown and no recover, and runs nothing for a typo."""
STEP = {"Script", "Timeout", "RequiresPrivilege", "Setenv"}
"""Lite knows no Skipif."""
ARTIFACT = {"Uri", "Unarchive", "Permission", "Digest", "Algorithm"}
ARCHITECTURES = {"amd64", "aarch64"}
VARIABLES = {"artifacts:path", "artifacts:decompressedPath", "kernel:rootPath", "iot:thingName", "work:path"}
OPERATIONS = {
    "aws.greengrass.ipc.mqttproxy": {"aws.greengrass#PublishToIoTCore", "aws.greengrass#SubscribeToIoTCore"},
    "aws.greengrass.ipc.pubsub": {"aws.greengrass#PublishToTopic", "aws.greengrass#SubscribeToTopic"},
}
LITE_POLICY_BYTES = 4096
"""Nucleus lite reads the policies of one service into a buffer of this size."""
MOST_SLASHES, LONGEST_TOPIC = 7, 256


def problems(recipe: Mapping[str, Any]) -> list[str]:
    """What one of the nuclei would refuse, or, worse, take without a word and do nothing."""
    return [*_head(recipe), *_configuration(recipe), *_manifests(recipe)]


def access_of(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    access: Mapping[str, Any] = recipe["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"]
    return access


def resources(recipe: Mapping[str, Any], operation: str) -> list[str]:
    """Everything that `operation` may be done with."""
    policies = [policy for service in access_of(recipe).values() for policy in service.values()]
    return [each for policy in policies if operation in policy["operations"] for each in policy["resources"]]


def _head(recipe: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key} is missing" for key in REQUIRED if key not in recipe)
    yield from (f"{key} is no key of a recipe" for key in recipe if key not in TOP)
    if recipe.get("RecipeFormatVersion") != "2020-01-25":
        yield "RecipeFormatVersion is not 2020-01-25"
    if not re.fullmatch(r"[a-zA-Z0-9-_.]{1,128}", str(recipe.get("ComponentName"))):
        yield "ComponentName has characters that are not allowed"
    if not re.fullmatch(r"\d{1,6}\.\d{1,6}\.\d{1,6}(-[0-9A-Za-z.-]+)?", str(recipe.get("ComponentVersion"))):
        yield "ComponentVersion is no semantic version"
    if "aws.greengrass.TokenExchangeService" in recipe.get("ComponentDependencies", {}):
        yield "lite refuses to start a component while the token exchange service, on which it depends, is down"


def _configuration(recipe: Mapping[str, Any]) -> Iterator[str]:
    default = recipe["ComponentConfiguration"]["DefaultConfiguration"]
    yield from (
        f"{text}: lite fills in no recipe variables in DefaultConfiguration" for text in _with_variables(default)
    )
    seen: set[str] = set()
    for service, policies in default["accessControl"].items():
        if service not in OPERATIONS:
            yield f"{service} is no service that we use"
        if _lite_bytes(policies) > LITE_POLICY_BYTES:
            yield f"the policies of {service} do not fit into {LITE_POLICY_BYTES} bytes of nucleus lite"
        for name, policy in policies.items():
            if name in seen or not name.startswith(f"{recipe['ComponentName']}:"):
                yield f"{name}: a policy id must be unique, so it begins with the component's name"
            seen.add(name)
            yield from _policy(name, policy, OPERATIONS.get(service, set()))


def _policy(name: str, policy: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    if set(policy) != {"policyDescription", "operations", "resources"}:
        yield f"{name}: a policy has policyDescription, operations and resources"
    for key in ("operations", "resources"):
        if not isinstance(policy.get(key), list) or not policy[key]:
            yield f"{name}: {key} is no list with something in it"
            return
    yield from (f"{name}: {each} is no operation of this service" for each in policy["operations"] if each not in known)
    for each in policy["resources"]:
        if "*" in each or "#" in each or "?" in each:
            yield f"{name}: {each} allows more than is needed"
        if each.removeprefix("$aws/").count("/") > MOST_SLASHES or len(each) > LONGEST_TOPIC:
            yield f"{name}: {each} is no topic of AWS IoT"


def _manifests(recipe: Mapping[str, Any]) -> Iterator[str]:
    manifests = recipe.get("Manifests", [])
    found = [each.get("Platform", {}).get("architecture") for each in manifests]
    if sorted(map(str, found)) != sorted(ARCHITECTURES):
        yield f"there are manifests for {found}, and not one for each of {sorted(ARCHITECTURES)}"
    for manifest in manifests:
        platform = manifest.get("Platform", {})
        if platform.get("os") != "linux" or platform.get("runtime") != "*":
            yield "without os: linux and runtime: '*' one of the nuclei steps over a manifest"
        yield from (
            f"{key} is no key of a manifest" for key in manifest if key not in ("Platform", "Lifecycle", "Artifacts")
        )
        yield from _artifacts(recipe, manifest)
        yield from _lifecycle(recipe, manifest)


def _artifacts(recipe: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    if len(manifest.get("Artifacts", [])) != 1:
        yield "a manifest has one artifact"
    for artifact in manifest.get("Artifacts", []):
        yield from (f"{key} is no key of an artifact" for key in artifact if key not in ARTIFACT)
        place = f"s3://[^/]+/{recipe['ComponentName']}/{recipe['ComponentVersion']}"
        file = f"edge-mask-{manifest['Platform'].get('architecture')}.zip"
        if not re.fullmatch(f"{place}/{file}", str(artifact.get("Uri"))):
            yield f"{artifact.get('Uri')} is not where component/build.sh and gdk put it"
        if artifact.get("Unarchive") != "ZIP":
            yield "the artifact is not unpacked"


def _lifecycle(recipe: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    lifecycle = manifest.get("Lifecycle", {})
    yield from (f"{key} is no phase that both nuclei know" for key in lifecycle if key not in PHASES)
    yield from (f"nothing happens at {key}" for key in ("install", "run") if key not in lifecycle)
    folder = f"{{artifacts:decompressedPath}}/edge-mask-{manifest['Platform'].get('architecture')}/"
    for name, step in lifecycle.items():
        if not isinstance(step, Mapping):
            step = {"Script": step}
        yield from (f"{name}: {key} is no key of a phase that both nuclei know" for key in step if key not in STEP)
        if not re.fullmatch(r"[1-9]\d*", str(step.get("Timeout", "1"))):
            yield f"{name}: Timeout is no whole number of seconds"
        script = str(step.get("Script", ""))
        if folder not in script:
            yield f"{name}: the script is not the one in the artifact, {folder}"
        yield from (f"{name}: {each} is no recipe variable that both know" for each in _unknown(script, recipe))


def _unknown(script: str, recipe: Mapping[str, Any]) -> Iterator[str]:
    """Lite takes every { for the beginning of a recipe variable, so `${HOME}` would end the script."""
    for each in re.findall(r"\{[^}]*\}?", script):
        variable = each[1:-1]
        if variable.startswith("configuration:/"):
            here: Any = recipe["ComponentConfiguration"]["DefaultConfiguration"]
            for key in variable.removeprefix("configuration:/").split("/"):
                here = here.get(key) if isinstance(here, Mapping) else None
            if here is None:
                yield f"{each} without a default"
        elif variable not in VARIABLES:
            yield each


def _with_variables(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield from _with_variables(key)
            yield from _with_variables(value)
    elif isinstance(part, list):
        for value in part:
            yield from _with_variables(value)
    elif re.search(r"\{[^}]*:[^}]*\}", str(part)):
        yield str(part)


def _lite_bytes(part: Any) -> int:
    """About what lite needs for it: a value takes 11 bytes, an entry of a map 21, and each text its length."""
    if isinstance(part, Mapping):
        return sum(21 + len(key) + _lite_bytes(value) for key, value in part.items())
    if isinstance(part, list):
        return sum(11 + _lite_bytes(value) for value in part)
    return len(str(part))
