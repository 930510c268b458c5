"""What a sandbox remembers across restarts: its tasks, its uploads and how to draw their pictures.

A picture is kept as its recipe, which names the function that made it and its arguments, other
recipes among them; so nothing is drawn in order to be kept.
"""

import json
import sqlite3
import threading
from dataclasses import fields
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from worker.sandbox.models import Button, Order, Task
from worker.sandbox.pictures import MAKERS, Recipe

#: The newest tasks that are remembered.
KEPT = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, doc TEXT);
CREATE TABLE IF NOT EXISTS uploads (name TEXT PRIMARY KEY, recipe TEXT);
CREATE TABLE IF NOT EXISTS recipes (id TEXT PRIMARY KEY, doc TEXT);
CREATE TABLE IF NOT EXISTS blobs (id TEXT PRIMARY KEY, data BLOB);
"""


class Memory:
    """An SQLite file, or nothing: without a path everything is forgotten."""

    def __init__(self, path: str | None = None) -> None:
        self._lock = threading.Lock()
        self._ids = WeakKeyDictionary[Recipe, str]()
        self._drawn: dict[str, Recipe] = {}  #: while reading
        self._db = None
        if path is not None:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # A kill loses nothing; a power cut may, and then only toys are lost.
            self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {_TABLES}")

    def keep(self, task: Task) -> None:
        """Remember the task as it is now."""
        if self._db is None:
            return
        with self._lock:
            doc = json.dumps(self._plain(task), ensure_ascii=False)
            self._db.execute("REPLACE INTO tasks VALUES (?, ?)", (task.id, doc))

    def keep_upload(self, name: str, picture: Recipe) -> None:
        """Remember an uploaded picture under its name."""
        if self._db is None:
            return
        with self._lock:
            self._db.execute("REPLACE INTO uploads VALUES (?, ?)", (name, self._id(picture)))

    def tasks(self) -> list[Task]:
        """The newest tasks, oldest first."""
        if self._db is None:
            return []
        with self._lock:
            newest = "SELECT doc FROM tasks ORDER BY id DESC LIMIT ?"  # ids are times
            docs = [row[0] for row in self._db.execute(newest, (KEPT,))]
            return [self._read(json.loads(doc)) for doc in reversed(docs)]

    def uploads(self) -> dict[str, Recipe]:
        """The uploaded pictures by their names."""
        if self._db is None:
            return {}
        with self._lock:
            rows = self._db.execute("SELECT name, recipe FROM uploads").fetchall()
            return {name: self._recipe(recipe) for name, recipe in rows}

    def forget(self) -> None:
        """Forget all tasks."""
        if self._db is not None:
            with self._lock:
                self._db.execute("DELETE FROM tasks")

    def close(self) -> None:
        """Close the file; nothing is remembered from now on."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # --- values as JSON --------------------------------------------------------------------------

    def _plain(self, value: Any) -> Any:
        match value:
            case Task() | Order() | Button():
                parts = {f.name: self._plain(getattr(value, f.name)) for f in fields(value)}
                return {type(value).__name__: parts}
            case Recipe():
                return {"Recipe": self._id(value)}
            case bytes():
                return {"bytes": self._blob(value)}
            case tuple():
                return [self._plain(each) for each in value]
            case _:
                return value

    def _read(self, value: Any) -> Any:
        match value:
            case {"Task": parts}:
                return Task(**self._parts(parts))
            case {"Order": parts}:
                return Order(**self._parts(parts))
            case {"Button": parts}:
                return Button(**self._parts(parts))
            case {"Recipe": recipe_id}:
                return self._recipe(recipe_id)
            case {"bytes": blob_id}:
                return self._one("SELECT data FROM blobs WHERE id = ?", blob_id)
            case list():
                return tuple(map(self._read, value))
            case _:
                return value

    def _parts(self, parts: dict[str, Any]) -> dict[str, Any]:
        return {name: self._read(value) for name, value in parts.items()}

    def _id(self, recipe: Recipe) -> str:
        """The id of a recipe, which is kept with those that it is made of."""
        if recipe not in self._ids:
            name, args = recipe.made
            doc = json.dumps([name, self._plain(args)], ensure_ascii=False)
            self._ids[recipe] = sha256(doc.encode()).hexdigest()
            self._execute("INSERT OR IGNORE INTO recipes VALUES (?, ?)", self._ids[recipe], doc)
        return self._ids[recipe]

    def _recipe(self, recipe_id: str) -> Recipe:
        if recipe_id not in self._drawn:
            doc = self._one("SELECT doc FROM recipes WHERE id = ?", recipe_id)
            name, args = json.loads(doc)
            found = self._drawn[recipe_id] = MAKERS[name](*self._read(args))
            self._ids[found] = recipe_id
        return self._drawn[recipe_id]

    def _blob(self, data: bytes) -> str:
        blob_id = sha256(data).hexdigest()
        self._execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", blob_id, data)
        return blob_id

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        assert self._db is not None  # noqa: S101  # callers looked
        return self._db.execute(statement, values)

    def _one(self, statement: str, key: str) -> Any:
        return self._execute(statement, key).fetchone()[0]
