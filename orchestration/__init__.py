"""Jobs, schedules, sensors and the delivery op, assembled by `definitions.py`.

Assets and checks live in `assets/`; what they do lives in the rooms.
"""
