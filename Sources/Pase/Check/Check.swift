import CPostgres
import NearestNeighbors
import PostgresServer

// `pase_check(index, heap_check)`: what is wrong with an index.
//
// Pages are copied one by one under a share lock, and looked at without. Others may insert and vacuum
// meanwhile, so what looks wrong is looked at again, in fresh copies, after the insertions that were under way
// have ended; only what is still wrong is reported as an error. Warnings (space that nothing uses, elements
// that no link leads to) are only exact while nobody writes.
//
// Memory: within `maintenance_work_mem`. Rows are sorted by the server, on disk if need be; of the elements of a graph as many
// are known at a time as fit, and links are read once for each such part. What is left out for want of memory is said.

/// `pase_check(regclass, boolean)`.
@_cdecl("pase_check_body")
func checkIndex(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let arguments = try FunctionCall(call)
        let comparesRows = arguments.value(1) != 0
        let memory = try ServerMemory.current().makeChild("pase_check")
        let report = try CheckReport(call, memory)
        try memory.asCurrent { () throws(ServerError) in
            var opened: OpaquePointer?
            try check(pase_checked_open(pase_datum_oid(arguments.value(0)), comparesRows, &opened))
            guard let opened else { throw ServerError(.internalError, "no index") }
            let index = try ServerRelation(pase_checked_index(opened))
            let rows = try CheckedRows()
            var checked: CheckedIndex
            if pase_checked_method(opened) == PASE_CHECKED_HNSW {
                checked = CheckedIndex(hnsw: try HnswCheck(index, report, rows, memory))
            } else {
                checked = CheckedIndex(ivfflat: try IvfflatCheck(index, report, rows, memory))
            }
            try checked.hnsw?.run()
            try checked.ivfflat?.run()
            if checked.canBeCompared {
                var comparison = try HeapComparison(opened, index, checked, report, memory)
                try comparison.run(withTable: comparesRows)
            }
            try report.finish()
            try check(pase_checked_close(opened))
        }
        try memory.delete()
        return 0
    }
}

/// An index of either access method that has been checked, and whose rows can be looked up now.
struct CheckedIndex {
    var hnsw: HnswCheck?
    var ivfflat: IvfflatCheck?

    /// False where the metapage is so damaged that nothing else could be looked at.
    var canBeCompared: Bool { hnsw?.meta != nil || ivfflat?.meta != nil }

    var metric: Metric.Kind { hnsw?.meta?.metric ?? ivfflat?.meta?.metric ?? .squaredEuclidean }
    var dimensions: Int { hnsw?.meta?.dimensions ?? ivfflat?.meta?.dimensions ?? 0 }

    /// The rows, with their places.
    var rows: CheckedRows? { hnsw?.rows ?? ivfflat?.rows }

    /// The block and the item of a place.
    func location(_ place: UInt64) -> (block: UInt32, item: Int) {
        (UInt32(truncatingIfNeeded: place >> 16), Int(place & 0xFFFF))
    }

    /// Copies the vector in a place.
    ///
    /// - Returns: false if there is none.
    mutating func copyVector(at place: UInt64, into vector: UnsafeMutablePointer<Float>)
        throws(ServerError) -> Bool
    {
        if hnsw != nil { return try hnsw?.copyVector(at: place, into: vector) ?? false }
        return try ivfflat?.copyVector(at: place, into: vector) ?? false
    }

    /// Whether a row is in a place even now, so many times.
    mutating func holds(_ row: UInt64, at place: UInt64, times: Int = 1) throws(ServerError) -> Bool
    {
        if hnsw != nil { return try hnsw?.holds(row, at: place, times: times) ?? false }
        // In a slot there is one row.
        guard times == 1 else { return false }
        return try ivfflat?.holds(row, at: place) ?? false
    }

    /// Waits until the insertions that are under way have ended.
    func settle() throws(ServerError) { try hnsw?.settle() }

    /// How a place is called in messages.
    func name(_ place: UInt64) -> String {
        let (block, item) = location(place)
        return hnsw != nil ? "block \(block), item \(item)" : "block \(block), slot \(item)"
    }
}
