"""What the other tests read of a store."""

from threading import Event, Thread

from tests.support.indexes import Snapshot
from tests.support.stores import database_url, own_db
from worker.adapters.store.connection import connect


def test_it_is_one_moment_while_keys_come_and_go() -> None:
    client, over = connect(database_url(own_db())), Event()

    def move() -> None:
        while not over.wait(0.002):
            client.eval("redis.call('DEL', 'p:a'); redis.call('SADD', 'p:b', 'x')", 0)
            client.eval("redis.call('DEL', 'p:b'); redis.call('SADD', 'p:a', 'x')", 0)

    client.sadd("p:a", "x")
    thread = Thread(target=move)
    thread.start()
    try:
        for _ in range(50):
            assert [*Snapshot.read(client, "p:").keys.values()] == [{"x"}]
    finally:
        over.set()
        thread.join()
