"""The line: request, plan, send, place, record; the only room that knows all of it."""
