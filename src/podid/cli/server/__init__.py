"""The MCP server: tools that run podid command lines in process and return their JSON documents."""
