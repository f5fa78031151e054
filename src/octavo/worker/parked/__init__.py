"""Park modules that were imported ahead: a task does not see them, and gets them back when it imports them.

``record`` notes what each import in the warm server does, ``pool`` takes the modules out of ``sys.modules`` and knows
what belongs to which, ``surroundings`` tells whether a real import would do the same here and now, ``hook`` puts them
back.
"""
