echo {{word}} > {{product}}
