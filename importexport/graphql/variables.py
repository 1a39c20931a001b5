"""Check for missing variables: GraphQL omits the fields that use them, so a filter would match too many rows."""

from collections.abc import Collection, Iterator

from django.utils.translation import gettext as _
from graphql import FieldNode, ListValueNode, ObjectValueNode, ValueNode, VariableNode

from core.errors import BadRequest


def check_variables_are_given(field: FieldNode, given: Collection[str]) -> None:
    """Raise BadRequest if a variable inside an argument has no value. A variable as the whole argument may be absent.

    `where: $where` without `$where` deliberately filters nothing. `where: {name: {eq: $name}}` without `$name` would do
    the same, which is certainly a mistake.
    """
    for argument in field.arguments or ():
        if isinstance(argument.value, VariableNode):
            continue
        for variable in _variables(argument.value):
            name = variable.name.value
            if name not in given:
                raise BadRequest(_("The variable “$%(name)s” is not given.") % {"name": name})


def _variables(value: ValueNode) -> Iterator[VariableNode]:
    if isinstance(value, VariableNode):
        yield value
    elif isinstance(value, ListValueNode):
        for item in value.values:
            yield from _variables(item)
    elif isinstance(value, ObjectValueNode):
        for field in value.fields:
            yield from _variables(field.value)
