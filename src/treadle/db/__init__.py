"""PostgreSQL: started (`embedded`), set up (`prepare`) and used (`database`, `listener`).

Everything above gets a `Transaction` and writes SQL; nothing above opens a connection by itself.
"""
