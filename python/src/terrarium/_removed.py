"""Modules that Python once had. They are not to be installed, whatever has taken their names since."""

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
    """Since when Python has no such module, as the end of a sentence; None when it has, or never had one."""
    for since, modules in _SINCE.items():
        if module in modules.split() and sys.version_info >= since:
            return f"is no longer a part of Python since {since[0]}.{since[1]}"
    return None
