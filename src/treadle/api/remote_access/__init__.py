"""Remote access (contract §2): API keys, their tokens, roles, projects and members."""
