from octavo.clients import DBAPIClient


def get():
    return DBAPIClient("sqlite3.connect", {"database": "a.db"})
