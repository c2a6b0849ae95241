"""Facts that checks and other parts share: agents, nodes, restarts, role chaining. Pure, without input or output."""
