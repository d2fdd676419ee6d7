"""What the boot report says of a start that has failed. Imported only then."""

from dataclasses import dataclass, field


@dataclass
class BootFailure:
    """Why a worker could not start."""

    status: int
    """Exit status."""
    kind: str
    """``missing_module``, ``import_error``, ``syntax_error``, ``missing_file``, ``unreadable_file``, ``no_tools``,
    ``invalid_tool``, ``patched``, ``protocol_mismatch`` or ``token_refused``, which are all configuration (status 78);
    ``exception`` (70), ``ended`` (79) or ``session_lost`` (75)."""
    message: str
    """What happened, in one line."""
    hint: str = ""
    """What to do, in whole sentences. A command that repairs the failure comes last."""
    module: "str | None" = None
    """The module at fault: an import name, or the path of an entry."""
    traceback: str = ""
    watch: "list[str]" = field(default_factory=list)
    """Files and folders whose change may repair the failure; some may not exist yet."""
    command: str = ""
    """The command of the hint alone, for a shell; empty if there is none."""
    modules: "list[str]" = field(default_factory=list)
    """All missing modules, if the kind is ``missing_module``."""
    configuration: bool = False
    """Whether only changed code or a changed environment repairs the failure: the host does not restart before."""
