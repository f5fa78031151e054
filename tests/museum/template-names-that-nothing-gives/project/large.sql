CREATE TABLE {{product}} AS SELECT 1 WHERE 3 > {{limti}}
