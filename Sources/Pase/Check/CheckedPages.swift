import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// Reads an index's pages one after the other, each under its lock for as long as copying it takes.
struct CheckedPages {
    let index: ServerRelation
    private let bulk: BulkRead

    init(_ index: ServerRelation) throws(ServerError) {
        self.index = index
        bulk = try BulkRead()
    }

    /// Copies a page.
    ///
    /// - Returns: false if the index has no such block.
    func read(_ block: UInt32, into image: IndexPage) throws(ServerError) -> Bool {
        try checkInterrupts()
        guard block < (try index.blockCount()) else { return false }
        let locked = try LockedPage.open(index, block, .shared, bulk: bulk)
        image.copy(locked.page)
        try locked.close()
        return true
    }

    /// What is wrong with a page that has been written, as one of a kind; nil if nothing is.
    static func problem(_ image: IndexPage, kind: UInt8) -> String? {
        if let problem = image.problem { return String(cString: cString(problem)) }
        guard let special = image.special(bytes: MetapageItem.specialBytes) else {
            return "the special space has the wrong size"
        }
        guard special.u16(0) == MetapageItem.pageMark else {
            return "the special space does not identify a page of this extension"
        }
        guard special.u8(2) == kind else {
            return "the page is of kind \(special.u8(2)), not \(kind)"
        }
        guard special.u8(3) == 0, special.u16(4) != 0, special.u16(6) == 0 else {
            return "the special space is invalid"
        }
        return nil
    }
}

/// What is wrong with a vector as an index keeps it, nil if nothing is.
func vectorProblem(_ vector: UnsafePointer<Float>, _ dimensions: Int, _ metric: Metric) -> String? {
    for component in 0..<dimensions where !vector[component].isFinite {
        return "its vector has a component that is not finite"
    }
    if metric.normalizes {
        let square = metric.kernels.squaredNorm(vector, dimensions)
        if square != 0, (square - 1).magnitude > 0.01 { return "its vector is not of length 1" }
    }
    return nil
}
