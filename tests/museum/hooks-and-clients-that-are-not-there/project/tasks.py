def make(product): ...


def more(): ...


def last(product): ...


async def later(product): ...


def steps(product):
    yield product
