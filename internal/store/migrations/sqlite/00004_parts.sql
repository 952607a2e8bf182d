-- +goose Up
-- +goose StatementBegin

-- A large chunk is taken in parts: partly is its last frame, done how many of its records
-- are there.
ALTER TABLE shipped ADD COLUMN partly INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shipped ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin

-- What was taken in part would be taken whole, and count twice.
UPDATE shipped SET last = partly WHERE partly > 0;
ALTER TABLE shipped DROP COLUMN done;
ALTER TABLE shipped DROP COLUMN partly;
-- +goose StatementEnd
