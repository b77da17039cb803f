import CPostgres
import PostgresServer

/// What both access methods can do: order by distance, one column, nothing else.
func makeRoutine() throws(ServerError) -> UnsafeMutablePointer<IndexAmRoutine> {
    var routine: UnsafeMutablePointer<IndexAmRoutine>?
    try check(pase_routine_create(&routine))
    guard let routine else { throw ServerError(.internalError, "no routine") }
    routine.pointee.amstrategies = 0
    routine.pointee.amsupport = 1
    routine.pointee.amcanorder = false
    routine.pointee.amcanorderbyop = true
    routine.pointee.amcanbackward = false
    routine.pointee.amcanunique = false
    routine.pointee.amcanmulticol = false
    routine.pointee.amoptionalkey = true
    routine.pointee.amsearcharray = false
    routine.pointee.amsearchnulls = false
    routine.pointee.amstorage = false
    routine.pointee.amclusterable = false
    routine.pointee.ampredlocks = false
    routine.pointee.amcanparallel = false
    routine.pointee.amcaninclude = false
    routine.pointee.amkeytype = InvalidOid
    pase_set_parallel_options(routine)
    return routine
}

/// `amproperty` of both: columns can be ordered by distance.
func isDistanceOrderable(
    _ attribute: Int32, _ property: IndexAMProperty, _ result: UnsafeMutablePointer<Bool>?
) -> Bool {
    guard attribute > 0, property == AMPROP_DISTANCE_ORDERABLE else { return false }
    result?.pointee = true
    return true
}

/// Refuses two different values for what has two names; 0 is one that is not given.
func checkDimensionOptions(dim: Int32, dimension: Int32) throws(ServerError) {
    if dim != 0, dimension != 0, dim != dimension {
        throw ServerError(
            .invalidParameterValue,
            "options dim (\(dim)) and dimension (\(dimension)) contradict each other",
            hint: "They mean the same; give one of them.")
    }
}

/// A number of rows out of the catalogue, where owners of tables may put any, as one to compute with.
func plausibleRows(_ rows: Double) -> Double {
    // No table has more: 2³² blocks of some 300 rows. Of NaN nothing is known.
    rows > 0 ? min(rows, 1e12) : 0
}

/// The server's estimate of the rows of a table, 0 where nothing is known.
func rowEstimate(_ heap: Relation?) -> Int {
    guard let heap else { return 0 }
    return clampedInt(plausibleRows(Double(heap.pointee.rd_rel.pointee.reltuples)))
}

/// The statistics to go on with: those of an earlier call, or new ones.
func vacuumStatistics(_ earlier: UnsafeMutablePointer<IndexBulkDeleteResult>?)
    throws(ServerError) -> UnsafeMutablePointer<IndexBulkDeleteResult>?
{
    if let earlier { return earlier }
    var result: UnsafeMutablePointer<IndexBulkDeleteResult>?
    try check(pase_bulk_delete_result(&result))
    return result
}
