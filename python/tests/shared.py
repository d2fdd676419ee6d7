"""Workers that several tests use one after the other, because to start one takes longer than most calls."""

from contextlib import contextmanager

from host import Host


class Shared:
    """A worker by transport and tools. A worker that a test has ended, or left with an open call, is replaced."""

    def __init__(self, folder):
        self._folder = folder
        self._hosts = {}
        self._workers = {}

    @contextmanager
    def worker(self, transport, tools):
        if transport not in self._hosts:
            folder = self._folder / transport
            folder.mkdir()
            self._hosts[transport] = Host(folder, transport)
        connection = self._workers.pop((transport, tools), None)
        if connection is None or connection.ended.is_set():
            connection = self._hosts[transport].ready(tools)
        yield connection
        assert connection.violations == []
        if connection.is_idle() and not connection.worker.is_to_end:
            self._workers[transport, tools] = connection
        else:
            connection.worker.close_lifeline()

    def close(self):
        for host in self._hosts.values():
            host.close()
