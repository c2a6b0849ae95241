"""The kit of all commands: the tree, options, access, the terminal."""
