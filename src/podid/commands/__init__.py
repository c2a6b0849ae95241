"""The commands, one file each: the options, and the steps of the body."""
