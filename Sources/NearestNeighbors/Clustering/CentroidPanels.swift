import VectorKernels

/// Centroids laid out for the tile kernels: finds the nearest centroid of many rows at near the
/// processor's peak, and the nearest centroids of one query.
///
/// What is computed is a score, the lower the nearer. For the Euclidean metric, with m the mean of
/// the centroids and c' = c − m, half the squared distance is
///
///     ½‖x − c‖² = ½‖x − m‖² + (½‖c'‖² + m·c' − x·c')
///
/// and the score is the part in brackets: the first part is the same for all centroids. Working with
/// c' instead of c keeps the rounding error small where all vectors are far from 0 and near each
/// other. For the inner product and the cosine the score is −x·c, the metric's own distance. For rows
/// that are finite but so large that products overflow, the score may be infinite and the order
/// arbitrary; the number of the centroid is always one that exists.
///
/// Scores depend on the row and the centroid only, not on the other rows of a call: a vector looked
/// up alone comes to the same centroid as in a batch.
public struct CentroidPanels {
    /// Number of centroids; above 0.
    public let count: Int
    /// Dimensions of a centroid; above 0.
    public let dimensions: Int
    let isSpherical: Bool
    let kernels: KernelTable
    private let tiles: TileTable
    private let panelCount: Int
    /// What was allocated, if this value allocated it.
    private let block: UnsafeMutableRawPointer
    private let panels: UnsafeMutablePointer<Float>
    let biases: UnsafeMutablePointer<Float>
    private let scores: UnsafeMutablePointer<Float>
    private let workspace: UnsafeMutableRawPointer
    /// m; all zero for the spherical metrics.
    let origin: UnsafeMutablePointer<Float>

    private struct Layout {
        var plan = MemoryPlan()
        let panels: Int
        let biases: Int
        let scores: Int
        let workspace: Int
        let origin: Int

        init(count: Int, dimensions: Int) {
            let lanes = max(count, 0) > Int.max - 16 ? Int.max : TilePanels.count(count) &* 16
            panels = plan.add(lanes, dimensions, of: Float.self)
            biases = plan.add(lanes, of: Float.self)
            scores = plan.add(lanes, of: Float.self)
            workspace = plan.add(TileTable.workspaceBytes, of: UInt8.self)
            origin = plan.add(dimensions, of: Float.self)
        }
    }

    /// Bytes that the panels of so many centroids take; `Int.max` if more than can be addressed.
    public static func memoryNeeded(count: Int, dimensions: Int) -> Int {
        Layout(count: count, dimensions: dimensions).plan.bytesToAllocate
    }

    /// Panels in memory of `memoryNeeded` bytes that the caller keeps. Set `origin`, then `write`.
    init(
        in block: UnsafeMutableRawPointer, count: Int, dimensions: Int, isSpherical: Bool,
        kernels: KernelTable
    ) {
        self.count = count
        self.dimensions = dimensions
        self.isSpherical = isSpherical
        self.kernels = kernels
        self.block = block
        tiles = TileTable(matching: kernels)
        panelCount = TilePanels.count(count)
        let layout = Layout(count: count, dimensions: dimensions)
        let start = MemoryPlan.aligned(block)
        panels = (start + layout.panels).assumingMemoryBound(to: Float.self)
        biases = (start + layout.biases).assumingMemoryBound(to: Float.self)
        scores = (start + layout.scores).assumingMemoryBound(to: Float.self)
        workspace = start + layout.workspace
        origin = (start + layout.origin).assumingMemoryBound(to: Float.self)
        origin.update(repeating: 0, count: dimensions)
    }

    /// Lays out centroids, given as rows one behind the other. O(count · dimensions).
    ///
    /// - Parameters:
    ///   - count: at least 1.
    ///   - dimensions: at least 1.
    ///   - metric: what near means; `innerProduct` and `cosine` want the largest inner product.
    public init<Memory: MemorySource>(
        _ centroids: UnsafePointer<Float>, count: Int, dimensions: Int, metric: Metric,
        in memory: inout Memory
    ) throws(Memory.Failure) {
        let block = try memory.allocate(
            bytes: Self.memoryNeeded(count: count, dimensions: dimensions))
        self.init(
            in: block, count: count, dimensions: dimensions,
            isSpherical: metric.kind != .squaredEuclidean, kernels: metric.kernels)
        if !isSpherical {
            for index in 0..<dimensions {
                var sum = 0.0
                for centroid in 0..<count {
                    sum += Double(centroids[centroid &* dimensions &+ index])
                }
                let mean = Float(sum / Double(count))
                origin[index] = mean.isFinite ? mean : 0
            }
        }
        write(centroids)
    }

    /// Gives the memory back; the value must not be used any more.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try memory.release(block)
    }

    /// Replaces all centroids. O(count · dimensions).
    func write(_ centroids: UnsafePointer<Float>) {
        TilePanels.write(
            centroids, strideInFloats: dimensions, rowCount: count, dimensions: dimensions,
            origin: isSpherical ? nil : UnsafePointer(origin), to: panels)
        biases.update(repeating: .infinity, count: panelCount &* TilePanels.lanes)
        for centroid in 0..<count {
            guard !isSpherical else {
                biases[centroid] = 0
                continue
            }
            let row = centroids + centroid &* dimensions
            var sum = 0.0
            for index in 0..<dimensions {
                let difference = Double(row[index] - origin[index])
                sum += difference * (0.5 * difference + Double(origin[index]))
            }
            biases[centroid] = Float(sum)
        }
    }

    /// For each row the nearest centroid and its score. O(rowCount · count · dimensions).
    ///
    /// Fastest for a hundred rows or more at a time. Of equally near centroids the first one is
    /// taken; where no score is below infinity, centroid 0.
    ///
    /// - Parameters:
    ///   - rows: the first row; row i starts at `rows + i * strideInFloats`.
    ///   - centroids: room for `rowCount` numbers.
    ///   - scores: room for `rowCount` scores.
    @inline(__always)
    public func findNearest(
        of rows: UnsafePointer<Float>, strideInFloats: Int, rowCount: Int,
        centroids: UnsafeMutablePointer<Int32>, scores: UnsafeMutablePointer<Float>
    ) {
        tiles.nearest(
            rows, strideInFloats, rowCount, panels, panelCount, dimensions, biases, workspace,
            centroids, scores)
    }

    /// The inner products of rows with all centroids, c' in place of c; 16 for each panel and row.
    @inline(__always)
    func products(
        of rows: UnsafePointer<Float>, strideInFloats: Int, rowCount: Int,
        into products: UnsafeMutablePointer<Float>
    ) {
        tiles.products(
            rows, strideInFloats, rowCount, panels, panelCount, dimensions, products,
            panelCount &* TilePanels.lanes)
    }

    /// The nearest centroids of a query, nearest first. O(count · dimensions) and a partial selection.
    ///
    /// - Parameters:
    ///   - wanted: how many to find.
    ///   - found: room for `wanted`.
    /// - Returns: how many were found: `wanted`, or all centroids there are.
    public func findNearest(
        of query: UnsafePointer<Float>, wanted: Int,
        into found: UnsafeMutablePointer<CentroidScore>
    ) -> Int {
        products(of: query, strideInFloats: dimensions, rowCount: 1, into: scores)
        for centroid in 0..<count { scores[centroid] = biases[centroid] - scores[centroid] }
        return CentroidScore.lowest(
            of: scores, count: count, wanted: wanted, after: nil, into: found)
    }

    /// The nearest centroids after those found before for the same query. O(count) and a partial
    /// selection. Only before the next query is looked up in these panels.
    ///
    /// - Parameter last: the last of those found before.
    /// - Returns: how many were found; 0 if there are no more.
    public func findNext(
        after last: CentroidScore, wanted: Int, into found: UnsafeMutablePointer<CentroidScore>
    ) -> Int {
        CentroidScore.lowest(
            of: scores, count: count, wanted: wanted, after: last, into: found)
    }

    /// What is missing from the score to half of what k-means sums up: ½‖x − m‖² for the Euclidean
    /// metric, the length for the others. O(dimensions).
    @inline(__always)
    func offset(of row: UnsafePointer<Float>) -> Float {
        isSpherical
            ? kernels.squaredNorm(row, dimensions).squareRoot()
            : 0.5 * kernels.squaredL2(row, origin, dimensions)
    }
}
