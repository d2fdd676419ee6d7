"""The tool by which `terrarium list` asks a worker for its tools and their signatures."""

from terrarium import _tools, tool


@tool
def terrarium_list_tools():
    return [
        {
            "name": each.name,
            "signature": str(each._signature),
            "async": each.is_async,
            "summary": each.summary,
        }
        for each in _tools.tools.values()
    ]
