"""One worker process as its parent sees it: started, spoken to, listened to, killed."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import worker
from .jobs import Job
from .memory import held


class Child:
    """A worker process and the job that it has.

    `heard` is called with (child, message) for each message, and with (child, None) once the process has ended, in a
    thread of the child's own.
    """

    def __init__(self, log: Path, heard: Callable[["Child", dict[str, Any] | None], None]) -> None:
        self.job: Job | None = None
        self.pid = 0
        self.started = False  # it listens
        self.warm = False  # its imports are done: a job begins at once
        self.verdict = ""  # why it was killed, once it was
        self.began = 0.0  # when the fit began, by time.monotonic(); 0 before
        self.fitted = 0.0  # when the fit ended
        self.given = 0.0  # when the job was given
        self.idle_bytes = 0  # private bytes before the job
        self.room = 0  # private bytes that it may hold during the job
        self.warm_bytes = 0  # private bytes before its first job
        self.start_cpu = self.end_cpu = 0.0  # processor seconds before the fit, and when we ended it
        self.peak = 0  # highest private bytes seen during the job
        self.curve: list[tuple[float, float]] = []
        self.ended = threading.Event()
        self._log = log
        self._trouble = ""  # why it could not be started
        self._heard = heard
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self, preload: Sequence[str], threads: int) -> None:
        """Start the process; returns before it is ready."""
        paths = dict.fromkeys(os.path.abspath(p) for p in sys.path)  # "" is the current folder
        env = os.environ | worker.environment(threads)
        env |= {
            "PYTHONPATH": os.pathsep.join(paths),
            worker.PRELOAD: ",".join(preload),
            worker.PARENT: str(os.getpid()),
        }
        try:
            process = self._launch(env)
        except OSError as e:
            self._trouble = str(e)
            self.ended.set()
            self._heard(self, None)
            return
        with self._lock:
            self._process, self.pid = process, process.pid
            if self.job:
                self._write(self.job)
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        if self.verdict:
            self.kill(self.verdict)

    def _launch(self, env: dict[str, str]) -> subprocess.Popen[bytes]:
        with open(self._log, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", worker.__name__],  # -P: a file beside the user's script hides no library
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=env,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def give(self, job: Job, room: int) -> None:
        """Hand it a job; one that has not started yet gets it as soon as it has. room: private bytes it may hold."""
        self.given, self.began, self.fitted, self.curve = time.monotonic(), 0.0, 0.0, []
        self.idle_bytes = self.peak = held(self.pid)[0] if self.pid else 0
        self.room = room
        with self._lock:
            self.job = job
            if self._process:
                self._write(job)

    def hurry(self, job: Job) -> None:
        """Let it hand in what it has of the job."""
        with self._lock:
            if self._process:
                self._say({"hurry": job.id})

    def _write(self, job: Job) -> None:
        self._say(job.to_json() | {"room": self.room})

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead: its end is heard of by itself
            self._process.stdin.write((json.dumps(message) + "\n").encode())
            self._process.stdin.flush()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stdin is not None
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if "ready" in message:  # on Windows the process that we started may be a launcher of the real one
                    self.pid, self.started = message["ready"], True
                self._heard(self, message)
        process.wait()
        for stream in (process.stdout, process.stdin):
            with contextlib.suppress(OSError):
                stream.close()
        self.ended.set()
        self._heard(self, None)

    @property
    def grown(self) -> int:
        """Private bytes that the job has added at most so far."""
        return max(0, self.peak - self.idle_bytes)

    @property
    def code(self) -> int:
        """Its exit code; negative for a signal."""
        return (self._process.returncode or 0) if self._process else 0

    def kill(self, why: str) -> None:
        """End it now. The system reclaims what it held; nothing that it holds is worth saving."""
        self.verdict = self.verdict or why
        with self._lock:
            if self._process:
                self._process.kill()

    def last_words(self) -> str:
        """The end of what it and its libraries printed, or why it could not be started."""
        if self._trouble:
            return self._trouble
        with contextlib.suppress(OSError):
            text = self._log.read_bytes().decode(errors="replace")
            return text.split("Extension modules:")[0].strip()[-2000:]  # what follows is a long list of no use
        return ""
