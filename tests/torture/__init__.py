"""What was promised is kept when things break: `python -m tests.torture`."""
