"""Finds the control group of this process, of version 2 or of a controller of version 1."""

import os


def own_cgroup(controller: "str | None" = None) -> str:
    """
    The folder of this process's control group: of cgroup v2, or with ``controller`` (such as ``memory``) of that
    controller of cgroup v1. Raises OSError where there is none.
    """
    name = "cgroup v2" if controller is None else "%s controller of cgroup v1" % controller
    root, mounted = _mount(controller, name)
    within = os.path.relpath(_path(controller, name), root)
    if within.startswith(".."):
        raise OSError("the cgroup of this process is outside of what is mounted")
    return os.path.normpath(os.path.join(mounted, within))


def _mount(controller: "str | None", name: str) -> "tuple[str, str]":
    """The root within the hierarchy that is mounted, and its mount point."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields, _, rest = line.partition(" - ")
            kind, _, options = rest.split()[:3]
            if kind == "cgroup2" if controller is None else kind == "cgroup" and controller in options.split(","):
                root, mounted = fields.split()[3:5]
                return root, mounted
    raise OSError("there is no %s here" % name)


def _path(controller: "str | None", name: str) -> str:
    """The path of this process's control group within its hierarchy."""
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            hierarchy, controllers, path = line.rstrip("\n").split(":", 2)
            if hierarchy == "0" if controller is None else controller in controllers.split(","):
                return path
    raise OSError("this process is in no %s" % name)
