"""A job queue over one SQLite file, for any number of threads and processes: no job is lost, none ends twice.

    python -m interlock.examples.job_queue jobs.sqlite 7 8 nine      # at once as often as you like; kill any of them

Each job is a `Run`: read, stepped and stored in one transaction. Where a worker died, the lease runs out, the next one
sends LOST, and the table says what follows. What comes late names an attempt that is over, and is dropped.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from interlock import Machine, Run

JOB = Machine.from_toml("""
lifecycle = "job"
initial = "Waiting"
attempt = ["Working"]
states.Waiting.means = "a worker may take it"
states.Working.means = "a worker has it, as long as the lease lasts"
states.Done = { means = "its result is kept", final = true }
states.Dead = { means = "it was tried often enough", final = true }
signals.TAKE.means = "a worker takes it"
signals.DONE.means = "the work returned"
signals.FAIL.means = "the work raised"
signals.LOST.means = "the lease is over: the worker died, or hangs"
limits.retries = { default = 2, means = "how often a job is tried again" }
guards.retries_left = { when = "entered(Waiting) < retries", means = "it is tried again" }
from.Waiting.TAKE = "Working"
from.Working = { DONE = "Done", FAIL = ["Waiting if retries_left", "Dead"], LOST = ["Waiting if retries_left", "Dead"] }
""")


class Queue:
    """The jobs of a file, for one thread. A job is due at once, or when its lease is over, or never once it is over."""

    def __init__(self, file: str, lease: float = 30, clock: Callable[[], float] = time.time) -> None:
        self.db, self.lease, self.clock = sqlite3.connect(file, timeout=60, isolation_level=None), lease, clock
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("CREATE TABLE IF NOT EXISTS jobs (key INTEGER PRIMARY KEY, payload, result, state, due, run)")
        self.db.execute("CREATE INDEX IF NOT EXISTS dues ON jobs (due) WHERE due IS NOT NULL")

    def put(self, payloads: Iterable[str]) -> None:
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            for payload in payloads:
                job = self.db.execute("INSERT INTO jobs (payload) VALUES (?)", [payload]).lastrowid
                self.save(job, Run(JOB), self.clock())

    def claim(self) -> tuple[int, int, str] | None:
        """Take the job that is due first: return it, the attempt and the payload, or None if none is due."""
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")  # from here on nobody else reads what is about to change
            due = "SELECT key, payload, run FROM jobs WHERE due <= ? ORDER BY due, key LIMIT 1"
            while row := self.db.execute(due, [now := self.clock()]).fetchone():
                job, payload, run = row[0], row[1], Run.from_dict(JOB, json.loads(row[2]))
                for signal in ("LOST", "TAKE"):  # LOST fits where somebody has it, and it is due all the same
                    if signal in run.accepts():
                        run.send(signal, at=now)
                self.save(job, run, now + self.lease)
                if not run.is_final:
                    return job, run.attempt, payload
        return None

    def end(self, job: int, attempt: int, signal: str, result: str) -> str | None:
        """Say how an attempt ended, and return the new state; None, and nothing changes, if it was given up."""
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            row = self.db.execute("SELECT run FROM jobs WHERE key = ?", [job]).fetchone()
            run = Run.from_dict(JOB, json.loads(row[0]))
            if after := run.deliver(signal, attempt, at=self.clock()):
                self.save(job, run, self.clock(), result)
        return after

    def save(self, job: int | None, run: Run, due: float, result: str | None = None) -> None:
        """Store a run, and when to look at it again."""
        row = (result, run.state, None if run.is_final else due, json.dumps(run.to_dict()), job)
        self.db.execute("UPDATE jobs SET result = ?, state = ?, due = ?, run = ? WHERE key = ?", row)

    def work(self, function: Callable[[str], str]) -> None:
        """Work until every job is over, whoever has it."""
        while self.db.execute("SELECT 1 FROM jobs WHERE due IS NOT NULL").fetchone():
            for job, attempt, payload in iter(self.claim, None):
                try:
                    answer = "DONE", function(payload)
                except Exception as error:  # noqa: BLE001  # whatever the work raises, it failed
                    answer = "FAIL", repr(error)
                self.end(job, attempt, *answer)
            time.sleep(0.05)


if __name__ == "__main__":
    Queue(sys.argv[1]).put(sys.argv[2:])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Queue(sys.argv[1]).work(lambda number: str(int(number) ** 2)), range(4)))
    print(*Queue(sys.argv[1]).db.execute("SELECT state, payload, result FROM jobs"), sep="\n")  # noqa: T201
