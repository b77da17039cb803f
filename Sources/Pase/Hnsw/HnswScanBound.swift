import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// What a scan over vectors in half precision tells the executor: no row's distance is less than this. The
/// executor computes the distances, and answers a row once nothing that follows can be nearer.
struct HnswScanBound {
    private let bound: HalfPrecisionBound
    private let strategy: Int32
    private let isCosine: Bool

    /// Nil where there is nothing to tell: vectors are kept as they are, or the operator's value does not grow
    /// with the distance, as that of metric 1, which is answered in the index's own order.
    init?(_ meta: HnswMeta, _ query: IndexQuery, _ prepared: UnsafePointer<Float>) {
        guard meta.precision == .half, query.metric != .innerProduct else { return nil }
        strategy = query.strategy
        isCosine = meta.metric == .cosine
        let norm = Float(VectorLengths.euclidean(prepared, meta.dimensions))
        bound = HalfPrecisionBound(
            meta.metric, queryNorm: norm * 1.001 + .leastNonzeroMagnitude,
            largestNorm: meta.largestNorm, dimensions: meta.dimensions)
    }

    /// The lower bound of the operator's value, of the operator's type.
    func value(_ distance: Float) -> Datum {
        var lower = bound.bound(distance)
        if isCosine { lower += 1 }
        switch strategy {
        case 3: return pase_float8_datum(Double(lower).squareRoot())
        case 4: return pase_float8_datum(Double(lower))
        default: return pase_float4_datum(lower)
        }
    }
}
