"""Names of GraphQL types: readable, and unique whatever the keys of a schema are."""

# Every name that is ours, so that no key of a schema can take it.
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
        """The name of what stands in a field: `ContactPersonalInformation`."""
        return f"{type_name}{field_name[:1].upper()}{field_name[1:]}"

    def unique(self, name: str) -> str:
        """The name itself or, when it is taken, with a number at its end."""
        number = 1
        found = name
        while found in self._taken:
            number += 1
            found = f"{name}{number}"
        self._taken.add(found)
        return found
