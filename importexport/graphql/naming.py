"""Names of GraphQL types, unique for any keys of a schema."""

# Names of the fixed types, which keys of a schema must not take.
RESERVED = frozenset(
    {
        "Boolean",
        "CollectionSegmentInfo",
        "ContactCollectionSegment",
        "Date",
        "DateTime",
        "Decimal",
        "Float",
        "ID",
        "Int",
        "LegalEntityCollectionSegment",
        "Long",
        "Query",
        "SortEnumType",
        "String",
        "UUID",
    }
)


class TypeNames:
    def __init__(self) -> None:
        self._taken = set(RESERVED)

    def below(self, type_name: str, field_name: str) -> str:
        """Return the type name of a field: `ContactPersonalInformation`."""
        return f"{type_name}{field_name[:1].upper()}{field_name[1:]}"

    def unique(self, name: str) -> str:
        """Return the name, with a number appended if it is taken, and mark it as taken."""
        number = 1
        found = name
        while found in self._taken:
            number += 1
            found = f"{name}{number}"
        self._taken.add(found)
        return found
