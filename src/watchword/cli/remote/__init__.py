"""The commands that use the management API. They work from any machine and need no settings of an installation."""
