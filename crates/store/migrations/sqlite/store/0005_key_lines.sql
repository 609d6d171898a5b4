-- Which key is at the head of a key's line: made by the command, not by another key. NULL: itself.
ALTER TABLE api_keys ADD COLUMN line BLOB CHECK (length(line) = 16);
-- The agent it belongs to: it may only pay, under a mandate of that party.
ALTER TABLE api_keys ADD COLUMN agent BLOB CHECK (length(agent) = 16);
