"""Makes a folder for temporary files, prints its name, and sees to it that what a kernel started ends with it.

    watch.py KERNEL JUPYTER

These are the ids of the kernel's process, which leads a process group, and of the program that started it. When one of
them has ended, however it did, the kernel and its group are ended, then all that has the folder as TMPDIR, and the folder
is removed. Jupyter kills the group of a kernel that takes its time to end: the watch is in a session of its own before
the folder exists, so that nothing can end it first.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress

import psutil


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def within(seconds, holds):
    """Whether it held in so many seconds."""
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.2)
    return held


def send(group, number):
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def users(folder):
    """The processes whose folder for temporary files is this one or in it, or that were given a path in it."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            variable = process.environ().get("TMPDIR", "")
            if variable == folder or variable.startswith(folder + "/") or any(folder + "/" in word for word in process.cmdline()):
                yield process


def gone(folder):
    """Whether the folder is removed and nobody is left who could make it anew."""
    found = list(users(folder))
    for process in found:
        with suppress(psutil.Error):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    return not found and not os.path.exists(folder)


def watch(folder, kernel, jupyter):
    while alive(kernel) and alive(jupyter):
        time.sleep(1)
    # A kernel that is ending gets the time to.
    within(3, lambda: not alive(kernel))
    send(kernel.pid, signal.SIGTERM)
    time.sleep(1)
    send(kernel.pid, signal.SIGKILL)
    within(60, lambda: gone(folder))


def main():
    kernel, jupyter = (psutil.Process(int(number)) for number in sys.argv[1:])
    if os.fork():
        return
    os.setsid()
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGTERM:
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    folder = tempfile.mkdtemp(prefix="gonb.")
    # Whoever started the watch reads to the end of its output, if it still lives.
    with suppress(BrokenPipeError):
        print(folder, flush=True)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    watch(folder, kernel, jupyter)


if __name__ == "__main__":
    main()
