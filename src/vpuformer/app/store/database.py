"""Transactions on a database file or server. Every failure becomes a `StoreError`."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from vpuformer.errors import StoreError


class Database:
    """An open database.

    Args:
        address: path of an SQLite file, which is created if it is missing, or an SQLAlchemy URL ("postgresql://...").
        tables: tables to create if they are missing. Columns that an earlier version did not have are added too; they
            must be nullable, so that both versions can go on with the database.

    Attributes:
        address: the address without a password.
        full_address: the address with its password, for another program of the same person.

    Raises:
        StoreError: the database cannot be opened.
    """

    def __init__(self, address: str | Path, tables: sa.MetaData) -> None:
        text = str(address)
        url = _url(text) if "://" in text else sa.URL.create("sqlite", database=text)
        self.address = url.render_as_string(hide_password=True) if "://" in text else text
        self.full_address = url.render_as_string(hide_password=False) if "://" in text else text
        with self._store_errors():
            self._engine = sa.create_engine(url)
            _prepare(self._engine)
            tables.create_all(self._engine)
            _add_missing_columns(self._engine, tables)
            _checkpoint(self._engine)
        self._file = _file_of(url)
        self._inode = self._current_inode()
        event.listen(self._engine, "do_connect", lambda *_: self._check_file())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._store_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with (
            self._store_errors(),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection
            self._check_file()

    def _current_inode(self) -> tuple[int, int] | None:
        try:
            state = None if self._file is None else self._file.stat()
        except OSError:
            return None
        return None if state is None else (state.st_dev, state.st_ino)

    def _check_file(self) -> None:
        """Check that the path still leads to the file that was opened.

        SQLite would go on with a file that was moved, and its log would be lost after a crash.
        """
        if self._current_inode() != self._inode:
            raise StoreError(
                f"the store {self.address} was moved or replaced while it was open; nothing was stored, put the former"
                " file back, or stop and start again"
            )

    @staticmethod
    def _insert(connection: sa.Connection, table: sa.Table, **values: Any) -> int:
        """Insert a row and return its id."""
        key = connection.execute(table.insert().values(**values)).inserted_primary_key
        assert key is not None
        return key[0]

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Turn every failure of the database into a `StoreError`."""
        try:
            yield
        except ImportError as error:
            raise StoreError(f"{self.address} needs the package {error.name}; install it") from error
        except SQLAlchemyError as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            if "disk is full" in reason:
                raise StoreError(
                    f"the disk of the store {self.address} is full; nothing was stored, make room and try again"
                ) from error
            raise StoreError(
                f"the store {self.address} cannot be used ({reason}); check that it is a vpuformer store, that its disk"
                " has free space and that you may write to it, or choose another (--store)"
            ) from error


def _url(text: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except (SQLAlchemyError, ValueError) as error:
        # The part after the scheme may hold a password.
        raise StoreError(
            f"{text.partition('://')[0]}://... is not a database URL; use one like"
            " postgresql://user:password@host:5432/name, or the path of an SQLite file (--store)"
        ) from error


def _file_of(url: sa.URL) -> Path | None:
    """The file of an SQLite database; None for one in memory or on a server."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name).absolute()


def _checkpoint(engine: sa.Engine) -> None:
    """Bring what a killed program left in the log of an SQLite file into the file itself, without waiting."""
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")


def _add_missing_columns(engine: sa.Engine, tables: sa.MetaData) -> None:
    present = sa.inspect(engine)
    for table in tables.sorted_tables:
        names = {column["name"] for column in present.get_columns(table.name)}
        for column in (column for column in table.columns if column.name not in names):
            quoted = engine.dialect.identifier_preparer
            added = f"{quoted.quote(column.name)} {column.type.compile(engine.dialect)}"
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                connection.exec_driver_sql(f"ALTER TABLE {quoted.format_table(table)} ADD COLUMN {added}")


def _prepare(engine: sa.Engine) -> None:
    """Set up SQLite: write-ahead log, wait for locks, and take the write lock at the start of a write."""
    if engine.dialect.name != "sqlite":
        return

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not in Python's driver
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: sa.Connection) -> None:
        # SQLite refuses a reader that becomes a writer during another write; a transaction that begins as writer waits.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
