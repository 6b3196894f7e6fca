"""When things are due, what becomes of each due time, and why.

`expressions` reads what a schedule says and `due_times` answers when it is due; `calendars` lays
business days over that, `words` says it in English, and `policy` decides what becomes of each due
time. All these are pure rules: the instant is told to them, and they touch nothing.
"""
