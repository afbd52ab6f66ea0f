"""Making up values that a JSON schema accepts."""
