"""A Django application with vectors in a column real[], and what they are searched with."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class RealField(models.FloatField):
    """FloatField is double precision; this one is real."""

    def db_type(self, connection):
        return "real"


class VectorField(ArrayField):
    """A column real[]."""

    def __init__(self, **options):
        options.pop("base_field", None)
        super().__init__(RealField(), **options)


class Distance(models.Func):
    """The distance of a vector field from a vector, by one of the operators."""

    template = "(%(expressions)s)"
    output_field = models.FloatField()

    def __init__(self, field, vector, operator="<->"):
        self.arg_joiner = f" {operator} "
        super().__init__(field, models.Value(vector, output_field=VectorField()))


class Item(models.Model):
    embedding = VectorField()
