SELECT count(*) FROM throws LIMIT {{limit}}
