"""What checks share and others need too: agents, nodes, restarts, second hops. Rules, no input or output."""
