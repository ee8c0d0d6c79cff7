"""A Python that runs a script in a copy of a process which has the script's modules in memory already.

Google's tools are Python, and of the second that each of hundreds of commands takes, most goes into importing the same
modules. They take the interpreter that CLOUDSDK_PYTHON names. `warm_python` makes one that hands its arguments,
variables, folder and streams to a keeper, a process per script; the keeper forks, and the copy runs the script from its
first line. What a copy had to import is imported by its keeper for the next ones.
"""

from __future__ import annotations

import _socket  # `socket` would take longer to import than all that the interpreter does here
import marshal
import os
import sys

SCRIPTS = ("lib-gcloud.py", "bootstrapping-bq.py", "bq-bq.py")
"""The scripts that have a keeper, by the last two parts of their paths; any other is run by the true Python."""

LENGTH = 8
"""Bytes that say how long a message is."""


def ask(folder: str, python: str) -> None:
    """Be the interpreter: have the script that is named run by its keeper, and end as it ends."""
    flags, script = sys.argv[1:2], "".join(sys.argv[2:3])
    keeper = f"{folder}/{'-'.join(script.split('/')[-2:])}"
    if flags != ["-S"] or not os.path.exists(keeper):
        os.execv(python, [python, *sys.argv[1:]])
    wire = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    wire.connect(keeper)
    message = marshal.dumps((sys.argv[2:], dict(os.environ), os.getcwd()))
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    wire.sendmsg([len(message).to_bytes(LENGTH, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    wire.sendall(message)
    code = wire.recv(1)
    os._exit(code[0] if code else 125)


# --- The keepers -----------------------------------------------------------------------------------------------------


def keep(listener, learned: str) -> None:
    """Start a copy for every call, until standard input ends with the test that wanted the keepers."""
    import gc
    import select
    import signal

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies: they answer themselves
    while 0 not in (ready := select.select([listener, 0], [], [])[0]):
        if os.path.exists(learned):
            learn(learned)
            gc.collect()
            gc.freeze()  # the collector of a copy would write to all that it shares
        if ready:
            wire, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(wire, learned)
            wire.close()


def learn(learned: str) -> None:
    """Import what a copy had to, with its variables and its path."""
    import importlib

    with open(learned, "rb") as file:
        modules, path, variables = marshal.load(file)
    os.unlink(learned)
    os.environ.update(variables)
    before, sys.path = sys.path, path
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as failure:  # made by a script as it went along, not a file
            print(f"the keeper does without {name}: {failure}", file=sys.stderr)
    sys.path = before


def answer(wire, learned: str) -> None:
    """Run the script as the process that asked would have, and tell it the exit code."""
    import array
    import atexit
    import runpy
    import traceback

    streams = array.array("i")
    head, extra, *_ = wire.recvmsg(LENGTH, _socket.CMSG_SPACE(3 * streams.itemsize))
    streams.frombytes(extra[0][2])
    message = bytearray()
    while len(message) < int.from_bytes(head, "big"):
        message += wire.recv(1 << 20)
    sys.argv, variables, folder = marshal.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.path.insert(0, os.path.dirname(sys.argv[0]))
    known, code = set(sys.modules), 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
        code = 0 if code is None else code if isinstance(code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if new := [name for name in sys.modules if name not in known and not name.startswith("__")]:
        with open(f"{learned}.{os.getpid()}", "wb") as file:
            marshal.dump((new, list(sys.path), variables), file)
        os.replace(file.name, learned)
    wire.send(bytes([code & 255]))
    os._exit(0)


def serve(folder: str) -> None:
    """Be all keepers, each in a process of its own."""
    import socket

    for name in SCRIPTS:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/{name}")
        listener.listen(16)
        if os.fork() == 0:
            keep(listener, f"{folder}/{name}.learned")
            os._exit(0)
    print("ready", flush=True)
    for _ in SCRIPTS:
        os.wait()


if __name__ == "__main__":
    serve(sys.argv[1])
