"""The parameters of the query protocol, checked by botocore's service models."""

from typing import Any

from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from podid.sandbox.aws.protocol import AwsError, Form, load_model, validate


def check_form(service: str, action: str, form: Form) -> None:
    """Raise ValidationError if the parameters of the query protocol do not satisfy the service's model."""
    model = ServiceModel(load_model(service), service)
    shape = model.operation_model(action).input_shape if action in model.operation_names else None
    if shape is not None:
        try:
            validate(shape, _from_form(shape, form, "") or {}, "")
        except AwsError as error:
            raise AwsError("ValidationError", error.message) from None


def _from_form(shape: Shape, form: Form, path: str) -> Any:
    """Return the value of the parameters that begin with `path`; None without any."""
    if isinstance(shape, StructureShape):
        items = {name: _from_form(member, form, f"{path}{name}.") for name, member in shape.members.items()}
        return {name: item for name, item in items.items() if item is not None} or None
    if isinstance(shape, ListShape):
        values: list[Any] = []
        while (value := _from_form(shape.member, form, f"{path}member.{len(values) + 1}.")) is not None:
            values.append(value)
        return values or None
    value = form.get(path[:-1])
    return int(value) if value and shape.type_name == "integer" and value.isdecimal() else value
