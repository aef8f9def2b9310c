"""A program in a pseudo-terminal: type to it, wait for what it shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07|\r")


class Terminal:
    def __init__(self, command, environment=None, columns=100):
        self.raw = ""
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            for name in ("NO_COLOR", "LUA_INIT", "LUA_INIT_5_4"):
                os.environ.pop(name, None)
            os.environ.update(environment or {})
            os.execvp(command[0], command)
        size = struct.pack("HHHH", 40, columns, 0, 0)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, size)

    @property
    def text(self):
        """What was shown so far, without control sequences."""
        return ESCAPES.sub("", self.raw)

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def enter(self, line, wait=None):
        """Types a line; returns what is shown up to the next prompt (or `wait`)."""
        start = len(self.text)
        self.type(line + "\r")
        self.expect(wait or "\n> ", start)
        return self.text[start:]

    def expect(self, wanted, start=0, seconds=10.0):
        """Waits until `wanted` is shown after position `start`."""
        end = time.monotonic() + seconds
        while wanted not in self.text[start:]:
            if not self.read(end - time.monotonic()):
                shown = self.text[start:]
                raise AssertionError(f"{wanted!r} was not shown within {seconds} s, but {shown!r}")
        return self.text[start:]

    def read(self, seconds):
        """Reads what there is; false if nothing came in time or the program ended."""
        if seconds <= 0 or not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def interrupt(self):
        self.type("\x03")

    def finish(self):
        """Waits for the end; returns the exit code, negative for a signal."""
        while self.read(10):
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        try:
            os.kill(self.process, signal.SIGKILL)
            self.finish()
        except (ChildProcessError, ProcessLookupError, OSError):
            pass
