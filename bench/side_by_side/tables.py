"""Tables filled with vectors, through COPY's binary format."""

import numpy as np

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
FLOAT4_OID = 700


def copy_fields(dimensions, kind):
    """One row as COPY wants it: a NumPy record, and the values that are always the same."""
    fields = [("columns", ">i2"), ("id_bytes", ">i4"), ("id", ">i4"), ("bytes", ">i4")]
    constants = {"columns": 2, "id_bytes": 4}
    if kind == "array":
        head = [
            ("axes", ">i4"),
            ("nulls", ">i4"),
            ("oid", ">i4"),
            ("length", ">i4"),
            ("first", ">i4"),
        ]
        element = np.dtype([("bytes", ">i4"), ("value", ">f4")])
        constants.update(axes=1, nulls=0, oid=FLOAT4_OID, length=dimensions, first=1)
    else:
        head = [("length", ">i2"), ("unused", ">i2")]
        element = np.dtype([("value", ">f4")])
        constants.update(length=dimensions, unused=0)
    constants["bytes"] = sum(np.dtype(t).itemsize for _, t in head) + dimensions * element.itemsize
    return np.dtype(fields + head + [("elements", element, (dimensions,))]), constants


def write_copy(path, rows, kind, first_id=0):
    layout, constants = copy_fields(rows.shape[1], kind)
    records = np.zeros(len(rows), dtype=layout)
    for name, value in constants.items():
        records[name] = value
    records["id"] = np.arange(first_id, first_id + len(rows))
    records["elements"]["value"] = rows
    if kind == "array":
        records["elements"]["bytes"] = 4
    with open(path, "wb") as file:
        file.write(HEADER)
        records.tofile(file)
        file.write(b"\xff\xff")


def fill(client, contender, rows, scratch):
    """Makes the contender's table. No primary key: nothing but the vector's index is to be paid."""
    client.sql(
        f"CREATE TABLE {contender.table} (id int4 NOT NULL, v {contender.column_type});"
        # No compression, no second table: both read their rows the same way.
        f"ALTER TABLE {contender.table} ALTER v SET STORAGE PLAIN"
    )
    path = scratch / "rows.copy"
    write_copy(path, rows, contender.insert_type)
    client.copy(contender.table, path)
    path.unlink()
    client.sql(f"VACUUM (FREEZE, ANALYZE) {contender.table}")
