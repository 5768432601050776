"""From a wish to the model that looks, as a table: what is tried, what is not tried again, and the one way back."""

from pathlib import Path
from typing import Any

import pytest

from edge_mask.errors import ModelError, Refused, TryLater
from edge_mask.fleet.model.memory import Memory, place_of
from edge_mask.fleet.model.orders import Activate, GoBack, Order, Prepare, Repair, Repaired, Tidy, Try
from edge_mask.fleet.model.reconcile import MOST_STARTS, MOST_TRIES, PROBATION, Reconciler, Stands
from edge_mask.runtime.outage import Backoff
from edge_mask.wire.fleet_models import Desired

OLD, NEW = ("tiny", "1.0"), ("tiny", "1.1")


def wished(revision: int, version: str = "1.1", digest: str = "a", **more: Any) -> Desired:
    sources = ["file:///stick"]
    return Desired(
        revision=revision, name="tiny", version=version, digest=f"sha256:{digest * 64}", sources=sources, **more
    )


class Bench:
    """A table, its file, and a clock that is turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1000.0
        self.start()

    def start(self, here: Stands = Stands(OLD, can_try=True)) -> None:  # noqa: B008 (it is frozen)
        """The process begins; what was only in memory is gone."""
        self.memory = Memory(place_of(self.folder / "db"))
        self.table = Reconciler(self.memory, Backoff(base=0.0, cap=0.0))
        self.table.stands(here, self.now)

    def wish(self, desired: Desired | None) -> None:
        self.table.wish(desired)

    def order(self, kind: type[Order]) -> Any:
        order = self.table.turn(self.now)
        while isinstance(order, Tidy) and kind is not Tidy:
            self.table.ended(order, None, None, self.now)
            order = self.table.turn(self.now)
        assert isinstance(order, kind), order
        return order

    def nothing_to_do(self) -> bool:
        order = self.table.turn(self.now)
        if isinstance(order, Tidy):
            self.table.ended(order, None, None, self.now)
            order = self.table.turn(self.now)
        return order is None

    def ended(self, order: Order, error: BaseException | None = None, result: Any = None) -> None:
        self.table.ended(order, error, result, self.now)

    def later(self, seconds: float) -> None:
        self.now += seconds

    def prepared(self) -> None:
        order = self.order(Prepare)
        self.table.verifying()
        self.ended(order)

    def activated(self) -> None:
        """All the way from the wish."""
        self.prepared()
        self.order(Try)
        self.table.tried("", self.now)
        order = self.order(Activate)
        self.table.stands(Stands(NEW, can_try=True), self.now)
        self.ended(order)

    @property
    def state(self) -> str:
        assert self.table.report is not None
        return self.table.report.state

    @property
    def error(self) -> str:
        assert self.table.report is not None
        return self.table.report.error or ""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_wish_goes_all_the_way_and_is_settled_after_its_probation(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    assert (bench.state, bench.table.probation is not None) == ("active", True)
    bench.later(PROBATION + 1)
    assert isinstance(bench.order(Tidy), Tidy)
    assert bench.table.probation is None


def test_without_cameras_there_is_no_trial(bench: Bench) -> None:
    bench.start(Stands())
    bench.wish(wished(1))
    bench.prepared()
    assert isinstance(bench.order(Activate), Activate)


def test_the_same_digest_that_was_refused_is_not_tried_again_without_a_new_revision(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.ended(bench.order(Prepare), ModelError("its sha256 is another"))
    assert (bench.state, bench.error) == ("refused", "its sha256 is another")
    for _ in range(3):
        bench.later(3600.0)
        bench.start()
        bench.wish(wished(1))
        assert bench.nothing_to_do()
        assert bench.state == "refused"
    bench.wish(wished(2))
    assert isinstance(bench.order(Prepare), Prepare)


def test_a_refused_wish_that_comes_back_after_another_is_told_again_and_not_tried(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.ended(bench.order(Prepare), ModelError("broken"))
    bench.later(100.0)
    bench.wish(wished(2, "1.2", "b"))
    bench.ended(bench.order(Prepare), ModelError("broken as well"))
    bench.later(100.0)
    bench.wish(wished(1))
    assert bench.nothing_to_do()
    assert (bench.state, bench.error) == ("refused", "broken")


def test_a_failed_trial_is_refused_with_its_reason(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.prepared()
    bench.order(Try)
    bench.table.tried("it says otherwise of 9 of 10 faces", bench.now)
    assert (bench.state, bench.error) == ("refused", "it says otherwise of 9 of 10 faces")
    assert isinstance(bench.order(Tidy), Tidy), "what was fetched for nothing goes"


@pytest.mark.parametrize("error", [TryLater("the registry is away"), OSError(28, "No space left on device")])
def test_what_is_an_outage_is_tried_again_and_counted(bench: Bench, error: Exception) -> None:
    bench.wish(wished(1))
    for attempt in range(2, 20):
        bench.ended(bench.order(Prepare), error)
        assert bench.table.report is not None
        assert (bench.state, bench.table.report.attempt) == ("pulling", attempt)
        assert bench.nothing_to_do(), "not at once"
        assert bench.table.due(bench.now) > bench.now
        bench.later(60.0)
    bench.activated()
    assert bench.state == "active"


def test_a_full_disk_behind_a_refusal_is_an_outage(bench: Bench) -> None:
    full = Refused("models: cannot be written (No space left on device)")
    full.__cause__ = OSError(28, "No space left on device")
    bench.wish(wished(1))
    bench.ended(bench.order(Prepare), full)
    assert bench.state == "pulling"


def test_of_a_wish_that_changes_each_second_only_the_newest_is_worked_on(bench: Bench) -> None:
    begun = 0
    bench.wish(wished(1))
    order: Prepare | None = bench.order(Prepare)
    for revision in range(2, 302):
        bench.wish(wished(revision, digest="ab"[revision % 2]))
        assert order is None or order.stop.is_set(), "what is fetched is let go of"
        if order is not None:
            bench.ended(order, TryLater("it is not wanted any more"))
        bench.later(1.0)
        found = bench.table.turn(bench.now)
        order = found if isinstance(found, Prepare) else None
        if found is not None and order is None:
            bench.ended(found)
        begun += order is not None
    assert begun < 30
    bench.later(60.0)
    if order is not None:
        bench.ended(order)
    else:
        assert bench.order(Prepare).wanted.revision == 301


def test_a_wish_that_is_taken_away_is_let_go_of(bench: Bench) -> None:
    bench.wish(wished(1))
    order = bench.order(Prepare)
    bench.wish(None)
    assert order.stop.is_set()
    bench.ended(order, TryLater("it is not wanted any more"))
    bench.later(60.0)
    assert bench.nothing_to_do()


def test_a_wish_that_is_replaced_during_its_trial_ends_the_trial(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.prepared()
    bench.order(Try)
    bench.wish(wished(2, "1.2", "b"))
    assert bench.table.trying is None
    bench.later(60.0)
    assert bench.order(Prepare).wanted.version == "1.2"


def test_a_house_that_is_built_again_begins_the_trial_again(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.prepared()
    bench.order(Try)
    bench.table.stands(Stands(OLD, can_try=True), bench.now)
    assert isinstance(bench.order(Try), Try)


def test_what_is_activated_waits_for_its_window(bench: Bench) -> None:
    is_open = False
    bench.table.is_open = lambda _wanted: is_open
    bench.wish(wished(1, window=["02:00", "05:00"]))
    bench.prepared()
    bench.order(Try)
    bench.table.tried("", bench.now)
    for _ in range(5):
        assert bench.nothing_to_do()
        assert bench.state == "trial"
        bench.later(bench.table.due(bench.now) - bench.now)
    is_open = True
    assert isinstance(bench.order(Activate), Activate)


def test_a_model_that_breaks_in_its_first_minutes_is_taken_back_once(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    bench.table.fails("its last 5 answers cannot be meant")
    order = bench.order(GoBack)
    bench.table.stands(Stands(OLD, can_try=True), bench.now)
    bench.ended(order)
    assert (bench.state, bench.error) == ("rolled_back", "its last 5 answers cannot be meant")
    bench.table.fails("the old one breaks as well")
    for _ in range(3):
        assert bench.nothing_to_do(), "there is one way back"
        bench.later(1000.0)
    bench.start()
    bench.wish(wished(1))
    assert bench.nothing_to_do()
    assert bench.state == "rolled_back"


def test_the_way_back_waits_for_another_choice_that_is_being_carried_out(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    bench.table.fails("its last 5 answers cannot be meant")
    bench.ended(bench.order(GoBack), TryLater("another choice of a model is being carried out"))
    assert bench.nothing_to_do()
    assert bench.state == "active"
    bench.later(bench.table.due(bench.now) - bench.now)
    assert isinstance(bench.order(GoBack), GoBack)


def test_a_model_that_breaks_while_the_next_is_tried_goes_back_first(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    bench.later(10.0)
    bench.wish(wished(2, "1.2", "b"))
    bench.prepared()
    bench.order(Try)
    bench.table.fails("its last 5 answers cannot be meant")
    assert bench.table.trying is None
    order = bench.order(GoBack)
    bench.table.stands(Stands(OLD, can_try=True), bench.now)
    bench.ended(order)
    assert bench.state == "rolled_back"
    bench.later(10.0)
    assert bench.order(Prepare).wanted.version == "1.2"


def test_what_breaks_after_its_probation_is_not_taken_back(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    bench.later(PROBATION + 1)
    assert bench.nothing_to_do()
    bench.table.fails("its last 5 answers cannot be meant")
    assert bench.nothing_to_do()


def test_a_package_by_which_the_process_ends_again_and_again_is_refused(bench: Bench) -> None:
    for _ in range(MOST_TRIES):
        bench.wish(wished(1))
        bench.order(Prepare)
        bench.table.verifying()
        bench.later(100.0)
        bench.start()
    bench.wish(wished(1))
    assert bench.nothing_to_do()
    assert bench.state == "refused"
    assert "the daemon ended 5 times" in bench.error


def test_kills_while_it_is_fetched_are_no_fault_of_the_package(bench: Bench) -> None:
    for _ in range(3 * MOST_TRIES):
        bench.wish(wished(1))
        bench.order(Prepare)
        bench.start()
    bench.wish(wished(1))
    bench.activated()
    assert bench.state == "active"


def test_a_clean_stop_is_no_try(bench: Bench) -> None:
    for _ in range(3 * MOST_TRIES):
        bench.wish(wished(1))
        bench.order(Prepare)
        bench.table.verifying()
        bench.table.stopped()
        bench.later(100.0)
        bench.start()
    bench.wish(wished(1))
    assert isinstance(bench.order(Prepare), Prepare)


def test_a_kill_between_activation_and_its_end_counts_as_activated(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.prepared()
    bench.order(Try)
    bench.table.tried("", bench.now)
    bench.order(Activate)
    bench.start(Stands(NEW, can_try=True))
    assert bench.state == "active"
    assert bench.table.probation is not None


def test_a_kill_before_the_link_was_pointed_begins_anew(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.prepared()
    bench.order(Try)
    bench.table.tried("", bench.now)
    bench.order(Activate)
    bench.start()
    assert bench.table.probation is None
    bench.wish(wished(1))
    assert isinstance(bench.order(Prepare), Prepare)


def test_starts_that_do_not_end_well_are_counted_within_the_probation(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    for started in range(1, MOST_STARTS + 2):
        bench.start(Stands(NEW, can_try=True))
        assert bench.table.probation is not None
        assert bench.table.probation.starts == started
    bench.table.stopped()
    bench.start(Stands(broken="the daemon ended 4 times"))
    assert isinstance(bench.order(GoBack), GoBack)


def test_a_broken_package_is_repaired_until_it_is_and_ever_more_seldom(bench: Bench) -> None:
    bench.start(Stands(broken="its sha256 is another"))
    pauses = []
    for attempt in range(1, 10):
        order = bench.order(Repair)
        assert order.is_first == (attempt == 1)
        bench.ended(order, ModelError("there is no previous package"))
        assert bench.nothing_to_do()
        pauses.append(bench.table.due(bench.now) - bench.now)
        bench.later(pauses[-1])
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5.0, 320.0)
    order = bench.order(Repair)
    bench.table.stands(Stands(OLD, can_try=True), bench.now)
    bench.ended(order, None, Repaired(OLD, None, "the one before it looks"))
    assert (bench.state, bench.error) == ("restored", "its sha256 is another; the one before it looks")
    assert bench.nothing_to_do()


def test_a_wish_reaches_a_device_whose_model_is_broken(bench: Bench) -> None:
    bench.start(Stands(broken="its sha256 is another"))
    bench.ended(bench.order(Repair), ModelError("where it came from is not known"))
    bench.wish(wished(1))
    bench.prepared()
    assert isinstance(bench.order(Activate), Activate)


def test_what_was_restored_is_not_replaced_until_another_revision_is_wished(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    bench.later(PROBATION + 1)
    bench.nothing_to_do()
    bench.start(Stands(broken="its sha256 is another"))
    bench.wish(wished(1))
    order = bench.order(Repair)
    bench.table.stands(Stands(OLD, can_try=True), bench.now)
    bench.ended(order, None, Repaired(OLD, None, "the one before it looks"))
    bench.later(100.0)
    assert bench.nothing_to_do()
    assert bench.state == "restored"
    bench.wish(wished(2))
    assert isinstance(bench.order(Prepare), Prepare)


def test_where_a_package_came_from_is_forgotten_with_it(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    bench.later(PROBATION + 1)
    bench.ended(bench.order(Tidy), None, frozenset())
    assert bench.memory.now.origins == {}


def test_what_looks_already_is_active_at_once(bench: Bench) -> None:
    bench.wish(wished(1, "1.0"))
    assert bench.nothing_to_do()
    assert bench.state == "active"


def test_the_same_version_installed_by_hand_with_another_digest_is_refused(bench: Bench) -> None:
    bench.start(Stands(OLD, can_try=True, digest=lambda: wished(1, digest="b").digest))
    bench.wish(wished(1, "1.0"))
    assert bench.nothing_to_do()
    assert bench.state == "refused"
    assert "looks already with another digest" in bench.error
    bench.wish(wished(2, "1.0", "b"))
    assert bench.nothing_to_do()
    assert bench.state == "active"


def test_the_same_version_with_another_digest_is_refused(bench: Bench) -> None:
    bench.wish(wished(1, "1.0"))
    assert bench.nothing_to_do()
    bench.later(100.0)
    bench.wish(wished(2, "1.0", "b"))
    assert bench.nothing_to_do()
    assert bench.state == "refused"
    assert "give it another version" in bench.error


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"report": 7}', bytes(300), b'{"report": {"state": "x"}}'])
def test_a_file_that_makes_no_sense_counts_as_lost(tmp_path: Path, content: bytes) -> None:
    place_of(tmp_path / "db").write_bytes(content)
    bench = Bench(tmp_path)
    assert bench.table.report is None
    bench.wish(wished(1))
    bench.activated()


def test_a_disk_that_keeps_nothing_does_not_activate(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.wish(wished(1))
    bench.prepared()
    bench.order(Try)

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge_mask.fleet.model.memory.replace_private", full)
        bench.table.tried("", bench.now)
        assert bench.nothing_to_do()
    bench.later(10.0)
    assert isinstance(bench.order(Activate), Activate)


def test_what_is_known_is_for_the_daemon_alone(bench: Bench) -> None:
    bench.wish(wished(1))
    bench.activated()
    assert place_of(bench.folder / "db").stat().st_mode & 0o077 == 0
