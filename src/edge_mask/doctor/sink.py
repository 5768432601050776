"""The central store's database, as `edge-mask sink` would find it. Its driver is imported only where there is one."""

from edge_mask.doctor.finding import Finding
from edge_mask.errors import TryLater
from edge_mask.settings.sink import Sink


def database(sink: Sink) -> Finding:
    """Whether it lets the sink in, and what schema it has; changes nothing. Raises TryLater, DatabaseError."""
    from sqlalchemy.exc import SQLAlchemyError

    from edge_mask.sink.database import engine_for, named, sentence_of
    from edge_mask.sink.schema import STEPS, refuse_newer, version_of

    try:
        with engine_for(sink).connect() as connection:
            version = version_of(connection)
    except SQLAlchemyError as error:
        raise TryLater(sentence_of(error)) from error
    where = named(sink.database)
    if version is None:
        return Finding("sink database", "ok", f"{where} has no tables yet: the sink makes them")
    refuse_newer(version)
    newer = "" if version == len(STEPS) else f": the sink brings it to {len(STEPS)}"
    return Finding("sink database", "ok", f"{where}, schema version {version}{newer}")
