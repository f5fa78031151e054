from octavo.clients import SQLAlchemyClient


def get():
    return SQLAlchemyClient("sqlite:///a.db")
