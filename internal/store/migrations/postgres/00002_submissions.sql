-- +goose Up
-- +goose StatementBegin

-- Single shares. A partition is a day of them in UTC, named submissions_YYYYMMDD;
-- it is made when the first share of the day comes.
CREATE TABLE submissions (
    id bigint NOT NULL,
    at timestamptz NOT NULL,
    difficulty double precision NOT NULL,
    reached double precision NOT NULL,
    pool_difficulty double precision NOT NULL,
    instance integer NOT NULL,
    worker integer NOT NULL,
    pool integer NOT NULL,
    route integer NOT NULL,
    verdict smallint NOT NULL,
    pool_verdict smallint NOT NULL,
    sent boolean NOT NULL,
    value numeric(38,12) NOT NULL,
    pool_value numeric(38,12) NOT NULL,
    PRIMARY KEY (id, instance, at)
) PARTITION BY RANGE (at);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin

DROP TABLE submissions;
-- +goose StatementEnd
