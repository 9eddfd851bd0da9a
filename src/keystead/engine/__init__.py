"""The operations: the only place where messages, policy, custody, the store and the audit meet."""
