"""What each model is, as data, and how the names people write find it.

A name either means one model or nothing: no default, no best guess, never a silent substitute. The room is pure; it
reads the packaged `catalogue.toml` once, and what the upstream lists is handed to it as plain records.
"""
