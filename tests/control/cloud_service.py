"""A stand-in for AWS IoT's Device Shadow and Jobs services, on a real mosquitto.

It answers as the developer guide says ("Device Shadow MQTT topics", "Jobs device MQTT API operations"); a test lets
AWS's own client speak with it.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from tests.broker import HOST
from tests.nucleus.fake import FakeNucleus

LARGEST_STATE = 8192
OPEN = ("QUEUED", "IN_PROGRESS")
Json = dict[str, Any]


class Rejected(Exception):
    """The service does not take the request."""

    def __init__(self, code: int | str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.content = {"code": code, "message": message, **more}


def merged(state: Any, patch: Any) -> Any:
    """What the guide calls merging: null removes, arrays and values are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(state) if isinstance(state, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def delta(desired: Json, reported: Json) -> Json:
    found: Json = {}
    for key, value in desired.items():
        there = reported.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            if part := delta(value, there):
                found[key] = part
        elif there != value:
            found[key] = value
    return found


def stamps(state: Any, now: int) -> Any:
    return {key: stamps(part, now) for key, part in state.items()} if isinstance(state, dict) else {"timestamp": now}


class CloudShadow:
    """One shadow, with every version it ever had."""

    def __init__(self) -> None:
        self.version = 0
        self.state: Json = {}
        self.exists = False

    @property
    def desired(self) -> Json:
        return dict(self.state.get("desired", {}))

    @property
    def reported(self) -> Json:
        return dict(self.state.get("reported", {}))

    def document(self) -> Json:
        now = int(time.time())
        state = dict(self.state)
        if difference := delta(self.desired, self.reported):
            state["delta"] = difference
        metadata = {section: stamps(values, now) for section, values in self.state.items()}
        return {"state": state, "metadata": metadata, "version": self.version, "timestamp": now}

    def update(self, request: Any) -> None:
        if not isinstance(request, dict) or not isinstance(request.get("state"), dict):
            raise Rejected(400, "Missing required node: state")
        for section, values in request["state"].items():
            if section not in ("desired", "reported"):
                raise Rejected(400, f"State contains an invalid node: '{section}'")
            if values is not None and not isinstance(values, dict):
                raise Rejected(400, f"{section.title()} node must be an object")
        if "version" in request and request["version"] != self.version:
            raise Rejected(409, "Version conflict")
        state = {section: values for section, values in merged(self.state, request["state"]).items() if values}
        if len(json.dumps(state)) > LARGEST_STATE:
            raise Rejected(413, "The payload exceeds the maximum size allowed")
        self.state, self.exists = state, True
        self.version += 1


class CloudService:
    """`desire`, `delete` and `create_job` are what people do in the cloud; `wait_for` waits for what devices do."""

    def __init__(
        self, port: int | None, thing: str = "gate-01", *, username: str | None = None, password: str | None = None
    ) -> None:
        """Without a `port` somebody else carries its messages: see `_publish`."""
        self.thing = thing
        self.shadows: dict[str, CloudShadow] = {}
        self.jobs: dict[str, Json] = {}
        self.requests: list[tuple[str, Json]] = []
        """Each request by the last words of its topic."""
        self._faults: dict[str, deque[int | str | None]] = {}
        self._changed = threading.Condition()
        self._is_there = threading.Event()
        if port is not None:
            self._connect(port, username, password)

    def _connect(self, port: int, username: str | None, password: str | None) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "aws-iot", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(username, password)
        self._client.on_connect = lambda client, *_more: client.subscribe("$aws/things/#", qos=1)
        self._client.on_subscribe = lambda *_all: self._is_there.set()
        self._client.on_message = lambda _client, _data, got: self._hear(got.topic, bytes(got.payload))
        self._client.connect(HOST, port)
        self._client.loop_start()
        assert self._is_there.wait(10.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    # -- for tests ---------------------------------------------------------------------------------------

    @property
    def wishes(self) -> CloudShadow:
        """The named shadow."""
        return self.shadow("edge-mask")

    def shadow(self, name: str = "") -> CloudShadow:
        with self._changed:
            return self.shadows.setdefault(name, CloudShadow())

    def desire(self, desired: Any, *, name: str = "edge-mask") -> int:
        """As from the console; the version that it became."""
        return self._update(name, {"state": {"desired": desired}})

    def delete(self, name: str = "edge-mask") -> None:
        self._shadow_request(name, "delete", {})

    def create_job(self, job: str, document: Any) -> None:
        now = int(time.time())
        with self._changed:
            self.jobs[job] = {
                "jobId": job, "thingName": self.thing, "status": "QUEUED", "statusDetails": {}, "queuedAt": now,
                "lastUpdatedAt": now, "versionNumber": 1, "executionNumber": 1, "jobDocument": document,
            }  # fmt: skip
        self._notify_next()

    def cancel(self, job: str) -> None:
        with self._changed:
            self.jobs[job].update(status="CANCELED", versionNumber=self.jobs[job]["versionNumber"] + 1)
        self._notify_next()

    def fail(self, request: str, *codes: int | str | None) -> None:
        """Answer the next requests of this kind (`update`, `get`, `start-next`) with these codes; None: not at all."""
        self._faults[request] = deque(codes)

    def say(self, topic: str, payload: bytes) -> None:
        """Anything, below this thing's topics."""
        self._publish(f"$aws/things/{self.thing}/{topic}", payload).wait_for_publish(10.0)

    def wait_for(self, predicate: Callable[[Self], Any], timeout: float = 20.0) -> Any:
        with self._changed:
            found = self._changed.wait_for(lambda: predicate(self), timeout)
            shadows = {name: (each.version, each.state) for name, each in self.shadows.items()}
            assert found, f"not within {timeout:g} s:\n{shadows}\n{self.jobs}\n{self.requests[-20:]}"
            return found

    def wait_for_job(self, job: str) -> Json:
        """Until it is over."""
        self.wait_for(lambda _: self.jobs[job]["status"] not in OPEN, 40.0)
        return self.jobs[job]

    def asked(self, request: str) -> list[Json]:
        """The requests of one kind."""
        with self._changed:
            return [content for name, content in self.requests if name == request]

    # -- the service -------------------------------------------------------------------------------------

    def _hear(self, topic: str, payload: bytes) -> None:
        words = topic.removeprefix(f"$aws/things/{self.thing}/").split("/")
        match words:
            case ["shadow", ("get" | "update" | "delete") as verb]:
                self._shadow_request("", verb, payload)
            case ["shadow", "name", name, ("get" | "update" | "delete") as verb]:
                self._shadow_request(name, verb, payload)
            case ["jobs", ("start-next" | "get") as verb]:
                self._job_request(f"jobs/{verb}", "", verb, payload)
            case ["jobs", job, ("get" | "update") as verb]:
                self._job_request(f"jobs/{job}/{verb}", job, verb, payload)
            case _:
                return

    def _noted(self, request: str, payload: bytes | Json) -> tuple[Json, Json]:
        """The request and its client token. Raises Rejected."""
        try:
            content = payload if isinstance(payload, dict) else json.loads(payload or b"{}")
        except ValueError:
            raise Rejected(400, "Invalid JSON") from None
        with self._changed:
            self.requests.append((request, content))
            self._changed.notify_all()
        token = {key: content[key] for key in ("clientToken",) if key in content}
        faults = self._faults.get(request)
        if faults:
            code = faults.popleft()
            if code is None:
                raise TimeoutError
            raise Rejected(code, "as the test wants it", **token)
        return content, token

    def _shadow_request(self, name: str, verb: str, payload: bytes | Json) -> None:
        base = f"shadow/name/{name}/{verb}" if name else f"shadow/{verb}"
        token: Json = {}
        try:
            content, token = self._noted(f"{name}/{verb}" if name else verb, payload)
            if verb == "update":
                self._update(name, content)
                return
            shadow = self.shadow(name)
            if not shadow.exists:
                raise Rejected(404, f"No shadow exists with name: '{self.thing}~{name}'")
            if verb == "get":
                self._say(f"{base}/accepted", {**shadow.document(), **token})
                return
            with self._changed:
                shadow.state, shadow.exists = {}, False
                self._changed.notify_all()
            self._say(f"{base}/accepted", {"version": shadow.version, "timestamp": int(time.time()), **token})
        except Rejected as error:
            self._say(f"{base}/rejected", {"timestamp": int(time.time()), **error.content, **token})
        except TimeoutError:
            return

    def _update(self, name: str, request: Json) -> int:
        base = f"shadow/name/{name}/update" if name else "shadow/update"
        shadow, now = self.shadow(name), int(time.time())
        token = {key: request[key] for key in ("clientToken",) if key in request}
        with self._changed:
            before = shadow.document()
            try:
                shadow.update(request)
            except Rejected as error:
                self._say(f"{base}/rejected", {"timestamp": now, **error.content, **token})
                return shadow.version
            after, version = shadow.document(), shadow.version
            self._changed.notify_all()
        accepted = {"state": request["state"], "metadata": stamps(request["state"], now), "version": version}
        self._say(f"{base}/accepted", {**accepted, "timestamp": now, **token})
        sides = {key: {part: doc[part] for part in ("state", "metadata", "version")} for key, doc in
                 (("previous", before), ("current", after))}  # fmt: skip
        for side in sides.values():
            side["state"] = {key: value for key, value in side["state"].items() if key != "delta"}
        self._say(f"{base}/documents", {**sides, "timestamp": now, **token})
        if "desired" in request["state"] and (difference := delta(shadow.desired, shadow.reported)):
            content = {"state": difference, "metadata": stamps(difference, now), "version": version, "timestamp": now}
            self._say(f"{base}/delta", {**content, **token})
        return version

    def _job_request(self, base: str, job: str, verb: str, payload: bytes) -> None:
        token: Json = {}
        try:
            content, token = self._noted(verb if not job else f"job/{verb}", payload)
            with self._changed:
                answer = self._job_answer(job, verb, content)
                self._changed.notify_all()
            self._say(f"{base}/accepted", {**answer, "timestamp": int(time.time()), **token})
            if job and verb == "update" and content["status"] not in OPEN:
                self._notify_next()
        except Rejected as error:
            self._say(f"{base}/rejected", {"timestamp": int(time.time()), **error.content, **token})
        except TimeoutError:
            return

    def _job_answer(self, job: str, verb: str, content: Json) -> Json:
        if not job and verb == "get":
            keys = ("jobId", "queuedAt", "lastUpdatedAt", "versionNumber", "executionNumber")
            listed = {status: [{key: each[key] for key in keys} for each in self.jobs.values()
                      if each["status"] == status] for status in OPEN}  # fmt: skip
            return {"queuedJobs": listed["QUEUED"], "inProgressJobs": listed["IN_PROGRESS"]}
        if verb == "start-next":
            return self._start_next(content)
        found = self._next() if job == "$next" else self.jobs.get(job)
        if verb == "get":
            return {"execution": found} if found is not None else {}
        if found is None:
            raise Rejected("ResourceNotFound", f"no job {job}")
        state = {key: found[key] for key in ("status", "statusDetails", "versionNumber")}
        if content.get("expectedVersion", found["versionNumber"]) != found["versionNumber"]:
            raise Rejected("VersionMismatch", "another version", executionState=state)
        if found["status"] not in OPEN:
            raise Rejected("InvalidStateTransition", f"it is {found['status']}", executionState=state)
        if content.get("status") not in ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"):
            raise Rejected("InvalidRequest", "status")
        self._check_details(content.get("statusDetails", {}))
        found.update(
            status=content["status"], statusDetails=content.get("statusDetails", found["statusDetails"]),
            versionNumber=found["versionNumber"] + 1, lastUpdatedAt=int(time.time()),
        )  # fmt: skip
        if not content.get("includeJobExecutionState"):
            return {}
        return {"executionState": {key: found[key] for key in ("status", "statusDetails", "versionNumber")}}

    def _check_details(self, details: Any) -> None:
        """API reference, UpdateJobExecution: at most 10 pairs of text, each of 1 to 1024 printable characters."""
        good = isinstance(details, dict) and len(details) <= 10 and all(
            isinstance(value, str) and 0 < len(value) <= 1024 and value.isprintable() for value in details.values()
        )  # fmt: skip
        if not good:
            raise Rejected("InvalidRequest", "statusDetails")

    def _next(self) -> Json | None:
        waiting = [each for each in self.jobs.values() if each["status"] in OPEN]
        return min(waiting, key=lambda each: each["status"] != "IN_PROGRESS", default=None)

    def _start_next(self, content: Json) -> Json:
        found = self._next()
        if found is None:
            return {}
        if found["status"] == "QUEUED":
            found.update(status="IN_PROGRESS", versionNumber=found["versionNumber"] + 1, startedAt=int(time.time()))
        if "statusDetails" in content:
            found["statusDetails"] = content["statusDetails"]
        return {"execution": dict(found)}

    def _notify_next(self) -> None:
        with self._changed:
            found = self._next()
            self._changed.notify_all()
        execution = {} if found is None else {"execution": dict(found)}
        self._say("jobs/notify-next", {"timestamp": int(time.time()), **execution})

    def _say(self, topic: str, content: Json) -> None:
        self._publish(f"$aws/things/{self.thing}/{topic}", json.dumps(content).encode())

    def _publish(self, topic: str, payload: bytes) -> Any:
        return self._client.publish(topic, payload, 1)


class CloudBehindNucleus(CloudService):
    """The same where a Greengrass nucleus has the connection."""

    def __init__(self, nucleus: FakeNucleus) -> None:
        super().__init__(None)
        self._nucleus = nucleus
        self._is_over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over = True

    def _listen(self) -> None:
        taken = 0
        while not self._is_over:
            with suppress(AssertionError):  # nothing was published for a while
                self._nucleus.wait_for(lambda: len(self._nucleus.published) > taken)  # noqa: B023 (called here)
            for each in self._nucleus.published[taken:]:
                taken += 1
                if each.topic.startswith("$aws/"):
                    self._hear(each.topic, each.payload)

    def _publish(self, topic: str, payload: bytes) -> Any:
        self._nucleus.say(topic, payload)
