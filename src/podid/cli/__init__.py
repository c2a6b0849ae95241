"""What every command is made of: the tree, options, access, the terminal."""
