"""The record of jobs; the only room that knows sqlite3."""
