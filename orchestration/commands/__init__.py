"""Groups of the command line: each command a few calls into the rooms.

Imported whenever `ausproperty` starts, so heavy imports happen inside the commands.
"""
