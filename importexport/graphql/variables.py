"""Variables that were not given: GraphQL leaves out what names them, and a filter would find more than was meant."""

from collections.abc import Collection, Iterator

from django.utils.translation import gettext as _
from graphql import FieldNode, ListValueNode, ObjectValueNode, ValueNode, VariableNode

from core.errors import BadRequest


def check_variables_are_given(field: FieldNode, given: Collection[str]) -> None:
    """Raises BadRequest for a variable inside of an argument that has no value; one that is the argument may be absent.

    `where: $where` without a `$where` filters nothing, as if it were not there. `where: {name: {eq: $name}}` without a
    `$name` would do the same, which nobody wants who wrote it.
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
