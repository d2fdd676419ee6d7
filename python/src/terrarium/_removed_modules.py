"""Modules that Python no longer has. They must not be installed, even if an index has a package of that name."""

import sys

_SINCE = {
    (3, 0): "BaseHTTPServer ConfigParser Queue SocketServer StringIO Tkinter __builtin__ cPickle cStringIO commands "
    "httplib urllib2 urlparse",
    (3, 10): "formatter parser symbol",
    (3, 11): "binhex",
    (3, 12): "asynchat asyncore imp smtpd",
    (3, 13): "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr "
    "spwd sunau telnetlib uu xdrlib",
}


def removed_from_python(module: str) -> "str | None":
    """The end of a sentence that says since when Python lacks the module. None if Python has it, or never had it."""
    for since, modules in _SINCE.items():
        if module in modules.split() and sys.version_info >= since:
            return f"is no longer a part of Python since {since[0]}.{since[1]}"
    return None
