"""Checks on data for hooks: of tables (testing.sql) and of files (testing.pandas)."""
