"""The running daemon: settings, engine, tasks."""
