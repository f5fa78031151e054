SELECT * FROM {{upstream['get'}}
