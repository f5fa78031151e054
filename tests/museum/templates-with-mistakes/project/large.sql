CREATE TABLE {{product}} AS SELECT * FROM {{upstream['get']}} WHERE n > {{limit}}
