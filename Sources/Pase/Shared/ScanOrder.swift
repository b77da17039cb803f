import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// What a scan tells the executor of a row's distance: the operator's value, or a number that it is not below where the
/// index's distances are not quite the operator's. In that case the executor computes the value, and answers a row once
/// nothing that follows can be nearer.
///
/// The cosine operator divides by norms that an index of unit vectors does not know to the last digit; vectors in half
/// precision are rounded; and the squares of tiny distances are too small for single precision.
struct ScanOrder {
    private let operation: DistanceOperator
    private let kind: Metric.Kind
    private let bound: DistanceBound?
    /// False where a scan is answered in the order of the index's own distances, of which the operator's value
    /// is no function: metric 1.
    private let hasValues: Bool

    /// - Parameters:
    ///   - kind: the index's metric.
    ///   - isHalf: whether the index's vectors are in half precision.
    ///   - prepared: the query's vector as the index's are kept.
    ///   - largestNorm: that of no vector in half precision is larger.
    init(
        _ query: IndexQuery, _ kind: Metric.Kind, isHalf: Bool,
        prepared: UnsafePointer<Float>, largestNorm: Float
    ) {
        operation = query.operation
        self.kind = kind
        hasValues = query.metric != .innerProduct
        // Better a last digit out of order than rows that cannot be locked.
        guard hasValues, isHalf || (kind == .cosine && !pase_must_not_reorder()) else {
            bound = nil
            return
        }
        let norm = Float(VectorLengths.euclidean(prepared, query.dimensions))
        bound = DistanceBound(
            kind, isHalf: isHalf, queryNorm: norm * 1.001 + .leastNonzeroMagnitude,
            largestNorm: largestNorm, dimensions: query.dimensions)
    }

    /// The operator's value for a distance of the index, or its bound. Greater distances have no smaller ones.
    func value(_ distance: Float) -> Double {
        if isTiny(distance) { return 0 }
        var value = bound?.bound(distance) ?? distance
        if hasValues, kind == .cosine { value += 1 }
        return operation.strategy == 3 ? Double(value).squareRoot() : Double(value)
    }

    /// Whether the operator computes a distance in double precision.
    private func isTiny(_ square: Float) -> Bool {
        operation.strategy == 3 && square < exactSquareLimit
    }

    /// Answers a scan with a row whose distance in the index is known.
    func answer(_ scan: IndexScanDesc, _ row: UInt64, _ distance: Float) throws(ServerError) {
        try setHeapRow(row, of: scan)
        set(scan, value(distance), isBound: bound != nil || isTiny(distance))
    }

    /// Answers a scan with a row of an exact pass.
    func answer(_ scan: IndexScanDesc, _ found: RowDistance) throws(ServerError) {
        try setHeapRow(found.row, of: scan)
        set(scan, found.distance, isBound: false)
    }

    private func set(_ scan: IndexScanDesc, _ value: Double, isBound: Bool) {
        scan.pointee.xs_recheck = false
        scan.pointee.xs_recheckorderby = isBound
        guard hasValues else { return }
        scan.pointee.xs_orderbyvals[0] = operation.datum(value)
        scan.pointee.xs_orderbynulls[0] = false
    }
}
