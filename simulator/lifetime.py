"""How the simulated remote parties start and end: the ready line and stdin's end.

Used by the server and by the consumer; both are children of a demo or a test, which
learns the port from the ready line and must not leave them behind when it dies.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path


def announce(facts: dict[str, str | int], state_file: Path | None) -> None:
    """Print one JSON line of `facts` and the process id; also to `state_file` if given.

    The file appears whole or not at all, so that it can be polled for.
    """
    line = json.dumps({**facts, "pid": os.getpid()})
    if state_file is not None:
        partial = state_file.with_name(f"{state_file.name}.{os.getpid()}.part")
        partial.write_text(line + "\n", encoding="utf-8")
        partial.replace(state_file)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def exit_with_stdin() -> None:
    """End this process as soon as stdin reaches its end, in a thread of its own.

    The parent holds the other end of the pipe; the kernel closes it however the
    parent ends, `kill -9` included, so no orphan stays.
    """

    def watch() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass  # no stdin at all means no parent to wait for
        os._exit(0)

    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()
