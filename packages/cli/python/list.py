"""The tool by which `terrarium list` asks a worker for its tools, in the words of what the worker tells every host."""

from terrarium import _tools, tool
from terrarium._describe import signature_text


@tool
def terrarium_list_tools():
    return [
        {
            "name": each.name,
            "signature": signature_text(each.function),
            "async": each.is_async,
            "stream": each.is_stream,
            "summary": each.summary,
        }
        for each in _tools.tools.values()
    ]
