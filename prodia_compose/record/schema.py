"""The table, and how an older one becomes it."""

APPLICATION_ID = 0x50644A62  # "PdJb": tells our file from any other database

_VERSION_1 = (
    # `seq` orders the jobs; a clock may go backwards. Lists are JSON, names in ASCII.
    # `process` is the token of a lease; 0.1.0 wrote when the process had started, to no avail.
    """
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        twin_key TEXT NOT NULL,
        digest TEXT NOT NULL,
        host TEXT NOT NULL,
        model TEXT NOT NULL,
        job_type TEXT NOT NULL,
        config TEXT NOT NULL,
        inputs TEXT NOT NULL,
        output TEXT NOT NULL,
        estimate_min_usd REAL,
        estimate_usd REAL,
        tool_version TEXT NOT NULL,
        begun_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        state TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process TEXT NOT NULL,
        exit_code INTEGER,
        job_id TEXT,
        request_id TEXT,
        price_usd REAL,
        may_be_billed INTEGER,
        outputs TEXT,
        rescued TEXT
    )
    """,
    "CREATE INDEX jobs_by_twin ON jobs (twin_key)",
)

_VERSION_2 = ("ALTER TABLE jobs ADD COLUMN is_async INTEGER NOT NULL DEFAULT 0",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2)
"""The statements that lead from each version to the next; the file's version counts them.

Columns are added and never dropped or renamed: a process of an older version may be in
the middle of a job while a newer one migrates.
"""
