"""Whether a file is still open for writing somewhere, as far as the system tells."""

from __future__ import annotations

import errno
import signal


def is_being_written(descriptor: int) -> bool:
    """Return whether another program has this file, which is open for reading, open for writing.

    Linux alone knows, of files on its own disks and to their owner; everybody else hears no.
    """
    try:
        import fcntl

        fcntl.fcntl(
            descriptor, fcntl.F_SETSIG, signal.SIGURG
        )  # whoever opens it now sends a signal: one that is ignored
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (ImportError, AttributeError):
        return False
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False
