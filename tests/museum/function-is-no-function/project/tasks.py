get = 3
