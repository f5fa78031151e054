def share(number):
    part = 100
    return part / number
