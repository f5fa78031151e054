"""What a project remembers in ``.octavo/``: results and readings, which may be deleted at any time, and its runs."""
