"""The command line: a command is a module, loaded when it is called."""
