"""The numbers of rows, and the totals that triggers keep: made right again from the rows."""

from sqlalchemy import Connection

from edge_mask.ledger.schema import PENDING, ROOM, SET_ASIDE, SIZE
from edge_mask.ledger.soundness import LARGEST, is_whole


def renumber(connection: Connection) -> bool:
    """Give rows with impossible numbers new ones; False, at no cost, when there are none.

    SQLite counts on from the largest number. Behind the largest possible one it has none left.
    """
    beyond = connection.exec_driver_sql("SELECT 1 FROM outbox WHERE id > ? LIMIT 1", (LARGEST,)).first()
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").scalar()
    if beyond is None and (last is None or is_whole(last)):
        return False
    highest = connection.exec_driver_sql("SELECT max(id) FROM outbox WHERE id <= ?", (LARGEST,)).scalar() or 0
    for (row,) in connection.exec_driver_sql("SELECT id FROM outbox WHERE id > ? ORDER BY id", (LARGEST,)).all():
        highest += 1
        connection.exec_driver_sql("UPDATE outbox SET id = ? WHERE id = ?", (highest, row))
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('outbox', ?)", (highest,))
    return True


def recount(connection: Connection) -> None:
    """Count the totals, which triggers keep, anew from the rows."""
    connection.exec_driver_sql("DELETE FROM totals")
    connection.exec_driver_sql(
        "INSERT INTO totals SELECT s.state, count(o.id),"
        f" coalesce(sum({SIZE.format(row='o')}), 0) FROM (SELECT ? AS state UNION SELECT ?) s"
        " LEFT JOIN outbox o ON o.state = s.state GROUP BY s.state",
        (PENDING, SET_ASIDE),
    )
    connection.exec_driver_sql("DELETE FROM history")
    for table, room in ROOM.items():
        connection.exec_driver_sql(
            f"INSERT INTO history SELECT '{table}', count(*), coalesce(sum({room}), 0) FROM {table}"
        )
