"""What the exit code of `h3r` means; the same for every verb."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, in `h3r --help` too."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    REFUSED = 4
    FAULTS = 5
    INTERRUPTED = 130


EXIT_CODE_HELP = (
    "Exit codes: 0 all done; 1 could not run or finish; 2 wrong arguments; 3 finished, and some "
    "clips failed; 4 refused, OUT holds another dataset; 5 verify found faults; 130 interrupted."
)
