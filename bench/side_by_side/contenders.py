"""What differs between the two extensions, and nothing else."""

LINKS = 16
EF_BUILD = 64


class Contender:
    """An extension with its table and its index."""

    def __init__(self, metric):
        self.metric = metric

    def definition(self):
        """The index: access method, operator class and options."""
        raise NotImplementedError

    def operator(self):
        """(the operator to order by, the type of the query)."""
        raise NotImplementedError

    def literal(self, elements):
        """A query as SQL text."""
        raise NotImplementedError

    def setting(self, effort):
        """(statements to run before, options of the driver) for a search of some effort: of that
        many candidates or lists."""
        raise NotImplementedError

    def create_index(self, name=None):
        return f"CREATE INDEX {name or self.index} ON {self.table} USING {self.definition()}"

    def search(self):
        operator, kind = self.operator()
        return f"SELECT id FROM {self.table} ORDER BY v {operator} $1::{kind} LIMIT 10"


class Pase(Contender):
    name = "pase"
    table = "pase_rows"
    index = "pase_rows_v"
    column_type = "float4[]"
    insert_type = "array"


class PaseHnsw(Pase):
    # metric: operator class, operator, third field of the query; None where it takes an array
    METRICS = {
        "l2": ("pase_hnsw_ops", "<?>", 0),
        "ip": ("pase_hnsw_ip_ops", "<?>", 3),
        "cosine": ("pase_hnsw_cosine_ops", "<=>", None),
    }

    def definition(self):
        operator_class = self.METRICS[self.metric][0]
        return f"pase_hnsw (v {operator_class}) WITH (base_nb_num = {LINKS}, ef_build = {EF_BUILD})"

    def operator(self):
        _, operator, field = self.METRICS[self.metric]
        return operator, "float4[]" if field is None else "pase"

    def literal(self, elements):
        field = self.METRICS[self.metric][2]
        if field is None:
            return f"'{{{elements}}}'::float4[]"
        return f"'{elements}:0:{field}'::pase"

    def setting(self, effort):
        field = self.METRICS[self.metric][2]
        if field is not None:
            return [], ["--as", "pase", "--metric", field, "--extra", effort or 0]
        # An array has no field for it; then the index's own option counts.
        statements = [f"ALTER INDEX {self.index} SET (ef_search = {effort})"] if effort else []
        return statements, ["--as", "array"]


class CompactPaseHnsw(PaseHnsw):
    """Without codes: the smallest index."""

    name = "pase, codes = 0"
    table = "pase_compact_rows"
    index = "pase_compact_rows_v"

    def definition(self):
        return super().definition().removesuffix(")") + ", codes = 0)"


class PaseIvfflat(Pase):
    # metric: operator class, third field of the query
    METRICS = {
        "l2": ("pase_ivfflat_float_ops", 0),
        "ip": ("pase_ivfflat_ip_ops", 3),
        "cosine": ("pase_ivfflat_cosine_ops", 2),
    }

    def __init__(self, metric, lists):
        super().__init__(metric)
        self.lists = lists

    def definition(self):
        return (
            f"pase_ivfflat (v {self.METRICS[self.metric][0]})"
            f" WITH (clustering_type = 1, clustering_params = 'lists={self.lists}')"
        )

    def operator(self):
        # For all metrics: an array has no field for the share, nor has the index an option.
        return "<?>", "pase"

    def literal(self, elements):
        return f"'{elements}:0:{self.METRICS[self.metric][1]}'::pase"

    def setting(self, effort):
        # The least share, per mille, that comes to so many lists; 0 is the default.
        share = -(-effort * 1000 // self.lists) if effort else 0
        return [], ["--as", "pase", "--metric", self.METRICS[self.metric][1], "--extra", share]


class Pgvector(Contender):
    name = "pgvector"
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

    def operator(self):
        return self.METRICS[self.metric][1], "vector"

    def literal(self, elements):
        return f"'[{elements}]'::vector"


class PgvectorHnsw(Pgvector):
    def definition(self):
        operator_class = self.METRICS[self.metric][0]
        return f"hnsw (v {operator_class}) WITH (m = {LINKS}, ef_construction = {EF_BUILD})"

    def setting(self, effort):
        return ([f"SET hnsw.ef_search = {effort}"] if effort else []), ["--as", "vector"]


class PgvectorIvfflat(Pgvector):
    def __init__(self, metric, dimensions, lists):
        super().__init__(metric, dimensions)
        self.lists = lists

    def definition(self):
        return f"ivfflat (v {self.METRICS[self.metric][0]}) WITH (lists = {self.lists})"

    def setting(self, effort):
        return ([f"SET ivfflat.probes = {effort}"] if effort else []), ["--as", "vector"]
