"""Async generators in a worker whose tools are all async, which runs its event loop on the main thread."""

from generator_tools import count_async, fail_async, pieces_async, plain_async, seen, unsendable_async

from terrarium import _tools

_KEPT = {each.__name__ for each in (count_async, fail_async, pieces_async, plain_async, seen, unsendable_async)}
for _name in [name for name in _tools.tools if name not in _KEPT]:
    del _tools.tools[_name]
