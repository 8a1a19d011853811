"""Who may: principals, accounts, keys, tokens, the policy, and how much each may ask for."""
