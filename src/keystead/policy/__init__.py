"""May this be done?  Pure functions of values and `now`."""
