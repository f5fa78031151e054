"""Questions about data, to be asserted by hooks: of tables (``testing.sql``) and of files (``testing.pandas``)."""
