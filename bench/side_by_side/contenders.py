"""What differs between the two extensions, and nothing else."""

LINKS = 16
EF_BUILD = 64


class Contender:
    """An extension with its table and its index."""

    def __init__(self, metric):
        self.metric = metric

    def literal(self, elements):
        """A query as SQL text."""
        raise NotImplementedError

    def setting(self, ef):
        """(statements to run before, options of the driver) for a search with `ef` candidates."""
        raise NotImplementedError


class Pase(Contender):
    name = "pase"
    extension = "pase"
    table = "pase_rows"
    index = "pase_rows_v"
    column_type = "float4[]"
    insert_type = "array"
    # metric: operator class, operator, third field of the query; None where it takes an array
    METRICS = {
        "l2": ("pase_hnsw_ops", "<?>", 0),
        "ip": ("pase_hnsw_ip_ops", "<?>", 3),
        "cosine": ("pase_hnsw_cosine_ops", "<=>", None),
    }

    def create_index(self):
        return (
            f"CREATE INDEX {self.index} ON {self.table}"
            f" USING pase_hnsw (v {self.METRICS[self.metric][0]})"
            f" WITH (base_nb_num = {LINKS}, ef_build = {EF_BUILD})"
        )

    def search(self):
        _, operator, field = self.METRICS[self.metric]
        kind = "float4[]" if field is None else "pase"
        return f"SELECT id FROM {self.table} ORDER BY v {operator} $1::{kind} LIMIT 10"

    def literal(self, elements):
        field = self.METRICS[self.metric][2]
        if field is None:
            return f"'{{{elements}}}'::float4[]"
        return f"'{elements}:0:{field}'::pase"

    def setting(self, ef):
        field = self.METRICS[self.metric][2]
        if field is not None:
            return [], ["--as", "pase", "--metric", field, "--extra", ef or 0]
        # An array has no field for it; then the index's own option counts.
        statements = [f"ALTER INDEX {self.index} SET (ef_search = {ef})"] if ef else []
        return statements, ["--as", "array"]


class Pgvector(Contender):
    name = "pgvector"
    extension = "vector"
    table = "pgvector_rows"
    index = "pgvector_rows_v"
    insert_type = "vector"
    METRICS = {
        "l2": ("vector_l2_ops", "<->"),
        "ip": ("vector_ip_ops", "<#>"),
        "cosine": ("vector_cosine_ops", "<=>"),
    }

    def __init__(self, metric, dimensions):
        super().__init__(metric)
        # An index needs the column's dimensions.
        self.column_type = f"vector({dimensions})"

    def create_index(self):
        return (
            f"CREATE INDEX {self.index} ON {self.table}"
            f" USING hnsw (v {self.METRICS[self.metric][0]})"
            f" WITH (m = {LINKS}, ef_construction = {EF_BUILD})"
        )

    def search(self):
        operator = self.METRICS[self.metric][1]
        return f"SELECT id FROM {self.table} ORDER BY v {operator} $1::vector LIMIT 10"

    def literal(self, elements):
        return f"'[{elements}]'::vector"

    def setting(self, ef):
        return ([f"SET hnsw.ef_search = {ef}"] if ef else []), ["--as", "vector"]


def contenders(metric, dimensions):
    return [Pase(metric), Pgvector(metric, dimensions)]
