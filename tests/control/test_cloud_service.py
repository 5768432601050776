"""The stand-in of AWS's services speaks what AWS's own client expects."""

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest
from tests.broker import HOST, Mosquitto
from tests.control.cloud_service import CloudService
from tests.waiting import PATIENCE

pytestmark = pytest.mark.broker


@pytest.fixture
def service(broker: Mosquitto) -> Iterator[CloudService]:
    with CloudService(broker.port) as running:
        yield running


@pytest.fixture
def client(broker: Mosquitto, service: CloudService) -> Iterator[Any]:
    mqtt5 = pytest.importorskip("awscrt.mqtt5", reason="needs the AWS libraries: pip install edge-mask[aws]")
    connected: Future[None] = Future()
    done = partial(connected.set_result, None)
    made = mqtt5.Client(
        mqtt5.ClientOptions(HOST, port=broker.port, on_lifecycle_event_connection_success_fn=lambda _event: done())
    )
    made.start()
    connected.result(PATIENCE)
    yield made
    made.stop()


def options() -> Any:
    from awscrt.mqtt_request_response import ClientOptions

    return ClientOptions(
        max_request_response_subscriptions=4, max_streaming_subscriptions=4, operation_timeout_in_seconds=10
    )


def test_awss_shadow_client_gets_and_updates_and_is_refused(client: Any, service: CloudService) -> None:
    from awsiot import V2ServiceException, iotshadow

    shadow = iotshadow.IotShadowClientV2(client, options())
    names = {"thing_name": "gate-01", "shadow_name": "edge-mask"}
    with pytest.raises(V2ServiceException) as nothing:
        shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(**names)).result(PATIENCE)
    assert nothing.value.modeled_error.code == 404
    state = iotshadow.ShadowState(desired={"config": {"gate": {"votes": 3}}}, reported={"config_version": 0})
    request = iotshadow.UpdateNamedShadowRequest(**names, state=state)
    assert shadow.update_named_shadow(request).result(PATIENCE).version == 1
    got = shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(**names)).result(PATIENCE)
    assert got.state.desired == {"config": {"gate": {"votes": 3}}}
    assert got.state.delta == {"config": {"gate": {"votes": 3}}}
    with pytest.raises(V2ServiceException) as conflict:
        shadow.update_named_shadow(iotshadow.UpdateNamedShadowRequest(**names, state=state, version=7)).result(PATIENCE)
    assert conflict.value.modeled_error.code == 409
    deleted = shadow.delete_named_shadow(iotshadow.DeleteNamedShadowRequest(**names)).result(PATIENCE)
    assert deleted.version == 1


def test_awss_shadow_client_hears_of_changes(client: Any, service: CloudService) -> None:
    from awsiot import ServiceStreamOptions, iotshadow

    shadow = iotshadow.IotShadowClientV2(client, options())
    heard, differs = Future[Any](), Future[Any]()
    is_there = [Future[Any](), Future[Any]()]
    updated = shadow.create_named_shadow_updated_stream(
        iotshadow.NamedShadowUpdatedSubscriptionRequest(thing_name="gate-01", shadow_name="edge-mask"),
        ServiceStreamOptions(heard.set_result, is_there[0].set_result),
    )
    delta = shadow.create_named_shadow_delta_updated_stream(
        iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(thing_name="gate-01", shadow_name="edge-mask"),
        ServiceStreamOptions(differs.set_result, is_there[1].set_result),
    )
    updated.open()
    delta.open()
    for each in is_there:
        each.result(PATIENCE)
    service.desire({"config": {"gate": {"votes": 4}}})
    assert heard.result(PATIENCE).current.state.desired == {"config": {"gate": {"votes": 4}}}
    assert differs.result(PATIENCE).state == {"config": {"gate": {"votes": 4}}}


def test_awss_jobs_client_does_a_job(client: Any, service: CloudService) -> None:
    from awsiot import V2ServiceException, iotjobs

    jobs = iotjobs.IotJobsClientV2(client, options())
    start = iotjobs.StartNextPendingJobExecutionRequest(thing_name="gate-01")
    assert jobs.start_next_pending_job_execution(start).result(PATIENCE).execution is None
    service.create_job("j1", {"operation": "reload"})
    pending = iotjobs.GetPendingJobExecutionsRequest(thing_name="gate-01")
    assert [each.job_id for each in jobs.get_pending_job_executions(pending).result(PATIENCE).queued_jobs] == ["j1"]
    begun = jobs.start_next_pending_job_execution(start).result(PATIENCE).execution
    assert (begun.job_id, begun.job_document, begun.status) == ("j1", {"operation": "reload"}, "IN_PROGRESS")
    update = iotjobs.UpdateJobExecutionRequest(
        thing_name="gate-01", job_id="j1", status="SUCCEEDED", expected_version=9, execution_number=1
    )
    with pytest.raises(V2ServiceException) as mismatch:
        jobs.update_job_execution(update).result(PATIENCE)
    assert mismatch.value.modeled_error.code == "VersionMismatch"
    assert mismatch.value.modeled_error.execution_state.version_number == begun.version_number
    update.expected_version = begun.version_number
    jobs.update_job_execution(update).result(PATIENCE)
    assert service.jobs["j1"]["status"] == "SUCCEEDED"
