"""What assistants can do with Treadle: an MCP server before a server's public API.

It stands on `treadle.client` and the official SDK of the Model Context Protocol, and knows nothing
else of Treadle. Whatever it is asked it does with the credential of its user, and so with no rights
but that one's.
"""
