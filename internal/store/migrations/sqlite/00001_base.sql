-- +goose Up
-- +goose StatementBegin

-- Times are microseconds since 1970 in UTC; amounts are whole satoshi and the
-- 10^-12 parts beyond them; verdicts and sides are numbers, as the program has them.

CREATE TABLE instances (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE pools (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    name TEXT NOT NULL,
    UNIQUE (instance, name)
) STRICT;

CREATE TABLE routes (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    name TEXT NOT NULL,
    UNIQUE (instance, name)
) STRICT;

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    name TEXT NOT NULL,
    UNIQUE (instance, name)
) STRICT;

-- A login is unique and not its halves, for "a" and ".a" have the same ones.
CREATE TABLE workers (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    login TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    route INTEGER REFERENCES routes (id),
    first_share INTEGER,
    last_share INTEGER,
    best REAL NOT NULL DEFAULT 0,
    UNIQUE (login, instance)
) STRICT;
CREATE INDEX workers_user ON workers (user_id, name);

-- Rollups begin with the time, not with the worker: a chunk then changes pages
-- that lie together. With the worker first it changes one page of every worker in
-- each table: for 20,000 workers 240 MB a chunk and more, where this is 12 MB. A worker's
-- series is a look-up for each step that farm_* has. The farm_* tables are the
-- sums over all workers, so that a series of a farm reads no worker's rows.
-- They refer to the tables above without a constraint, which would be checked for
-- every one of many rows.

CREATE TABLE rollups_minute (
    at INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    PRIMARY KEY (at, worker, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollups_hour (
    at INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    PRIMARY KEY (at, worker, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollups_day (
    at INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    PRIMARY KEY (at, worker, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_minute (
    at INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    PRIMARY KEY (at, instance, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_hour (
    at INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    PRIMARY KEY (at, instance, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE farm_day (
    at INTEGER NOT NULL,
    instance INTEGER NOT NULL,
    pool INTEGER NOT NULL,
    route INTEGER NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    PRIMARY KEY (at, instance, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    instance INTEGER NOT NULL REFERENCES instances (id),
    hash TEXT NOT NULL,
    at INTEGER NOT NULL,
    height INTEGER NOT NULL,
    worker INTEGER NOT NULL REFERENCES workers (id),
    pool INTEGER NOT NULL REFERENCES pools (id),
    route INTEGER NOT NULL REFERENCES routes (id),
    difficulty REAL NOT NULL,
    network REAL NOT NULL,
    reward INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    PRIMARY KEY (instance, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_at ON blocks (at);

CREATE TABLE earnings (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    pool INTEGER NOT NULL REFERENCES pools (id),
    reference TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    satoshi INTEGER NOT NULL,
    computed INTEGER NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (instance, pool, reference)
) STRICT;

CREATE TABLE distributions (
    instance INTEGER NOT NULL REFERENCES instances (id),
    earning INTEGER NOT NULL REFERENCES earnings (id),
    "by" TEXT NOT NULL,
    name TEXT NOT NULL,
    work REAL NOT NULL,
    satoshi INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (earning, "by", name)
) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    prefix TEXT,
    login TEXT,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    times INTEGER NOT NULL DEFAULT 1,
    CHECK ((prefix IS NULL) <> (login IS NULL)),
    UNIQUE (instance, prefix),
    UNIQUE (instance, login)
) STRICT;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL REFERENCES instances (id),
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);

CREATE TABLE shipped (
    instance INTEGER NOT NULL REFERENCES instances (id),
    log TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (instance, log)
) STRICT, WITHOUT ROWID;

-- What follows is this machine's own: its log, what was settled of it, and small
-- things by name. It is of no instance but the one that runs here.

CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    settled INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    offered INTEGER NOT NULL,
    last INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    shares INTEGER NOT NULL
) STRICT;

CREATE TABLE journal (
    number INTEGER PRIMARY KEY,
    shares INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE TABLE totals (
    worker TEXT NOT NULL,
    pool TEXT NOT NULL,
    route TEXT NOT NULL,
    side INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    work REAL NOT NULL,
    value_sat INTEGER NOT NULL,
    value_pico INTEGER NOT NULL,
    blocks REAL NOT NULL,
    best REAL NOT NULL,
    last_share INTEGER,
    PRIMARY KEY (worker, pool, route, side, verdict)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    name TEXT PRIMARY KEY,
    data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin

DROP TABLE state;
DROP TABLE totals;
DROP TABLE journal;
DROP TABLE log;
DROP TABLE shipped;
DROP TABLE audit;
DROP TABLE bans;
DROP TABLE distributions;
DROP TABLE earnings;
DROP TABLE blocks;
DROP TABLE farm_minute;
DROP TABLE farm_hour;
DROP TABLE farm_day;
DROP TABLE rollups_minute;
DROP TABLE rollups_hour;
DROP TABLE rollups_day;
DROP TABLE workers;
DROP TABLE users;
DROP TABLE routes;
DROP TABLE pools;
DROP TABLE instances;
-- +goose StatementEnd
