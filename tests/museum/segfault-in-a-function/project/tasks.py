import ctypes


def get(product):
    print('about to crash')
    ctypes.string_at(0)
