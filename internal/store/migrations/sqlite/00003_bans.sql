-- +goose Up
-- +goose StatementBegin

-- Nothing has written to the table of before: a ban is of a kind now, may be of a
-- worker at an address, and says who made it and why.
DROP TABLE bans;

CREATE TABLE bans (
    instance INTEGER NOT NULL REFERENCES instances (id),
    kind TEXT NOT NULL,
    prefix TEXT NOT NULL,
    login TEXT NOT NULL,
    cause TEXT NOT NULL,
    "by" TEXT NOT NULL,
    comment TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    times INTEGER NOT NULL,
    PRIMARY KEY (instance, kind, prefix, login),
    CHECK (prefix <> '' OR login <> '')
) STRICT, WITHOUT ROWID;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin

DROP TABLE bans;

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
-- +goose StatementEnd
