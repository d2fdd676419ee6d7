"""The tool by which `terrarium list` asks a worker for its tools and their signatures."""

import inspect

from terrarium import _tools, tool


@tool
def terrarium_list_tools():
    return [
        {
            "name": each.name,
            "signature": str(inspect.signature(each.function)),
            "async": each.is_async,
            "stream": each.is_stream,
            "summary": each.summary,
        }
        for each in _tools.tools.values()
    ]
