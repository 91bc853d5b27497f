"""Exceptions of the `schemas` package.

    SchemasError
    ├── ColumnsError     columns given to the builder do not fit the table
    ├── SchemaError      a table breaks its own rules
    └── KeysError        tables do not fit each other

None is transient: the same rows break the same rule again.
"""


class SchemasError(Exception):
    """Base of this package's errors."""

    is_transient: bool = False


class ColumnsError(SchemasError):
    """Missing, unexpected or ill-fitting columns given to `table_from_columns`."""


class SchemaError(SchemasError):
    """A table that breaks its specification.

    Attributes:
        table_name: Name of the table's specification.
        violations: One sentence a broken rule: column, rule, count, first values and ids.
    """

    def __init__(self, table_name: str, violations: tuple[str, ...]) -> None:
        """Join the violations into one message."""
        self.table_name = table_name
        self.violations = violations
        lines = "".join(f"\n  {violation}" for violation in violations)
        super().__init__(f"table {table_name!r} breaks its schema:{lines}")


class KeysError(SchemasError):
    """Tables of one shard or release that do not fit each other.

    Attributes:
        violations: One sentence a broken relation: the relation, count, first keys and values.
    """

    def __init__(self, violations: tuple[str, ...]) -> None:
        """Join the violations into one message."""
        self.violations = violations
        lines = "".join(f"\n  {violation}" for violation in violations)
        super().__init__(f"tables do not fit each other:{lines}")
