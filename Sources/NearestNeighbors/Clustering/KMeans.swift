/// k-means: centroids such that the rows of a sample are near to one each (Lloyd 1982; for directions
/// Dhillon and Modha 2001).
///
/// What is made small is the inertia, the sum over all rows of the squared distance to the nearest
/// centroid. For the metrics `innerProduct` and `cosine` the centroids have length 1, a row belongs to
/// the centroid of the largest inner product, and the summand is 2·(‖x‖ − x·c), which for rows of
/// length 1 is the squared distance. Rows are brought to length 1 for `cosine`; for `innerProduct`
/// longer rows weigh more.
///
/// The centroids start as a part of the rows (see `KMeansSeeding`). In all iterations but the last they
/// move beyond the mean of their rows, by 0.8 of the way there: over-relaxation (Salakhutdinov and
/// Roweis, Adaptive overrelaxed bound optimization methods, 2003), which comes as far in 8 iterations
/// as Lloyd in 25. A cluster that loses all its rows gets a row far from its centroid.
///
/// What holds for any sample:
/// - All centroids are finite. Rows that hold an infinity or a NaN are ignored, and where directions
///   are compared so are zero vectors, unless there is nothing else.
/// - If the sample has at most as many distinct rows (or directions) as there are clusters, the
///   centroids are just these, and the rest repeats them; `Outcome.distinct` says how many come before
///   the first repetition. Otherwise no two centroids are equal. An empty sample gives zero vectors.
/// - The inertia never rises from one iteration to the next, apart from rounding.
/// - The same sample, configuration, seed and instruction level give the same centroids to the last
///   bit. Levels differ in the rounding of `KernelTable`'s sums, so their centroids may differ.
public struct KMeans {
    /// Number of centroids, at least 1.
    public let clusters: Int
    /// Dimensions of a row, at least 1.
    public let dimensions: Int
    /// What near means.
    public let metric: Metric
    /// Where the random numbers start.
    public var seed: UInt64
    /// Iterations at most; 0 leaves the centroids where they start.
    public var maximumIterations = 8
    /// When an iteration lowers the inertia by less than this share of it, one more ends the
    /// clustering.
    public var leastGain = 0.002
    /// How far centroids move towards the mean of their rows: 1 is up to there, as Lloyd does. From 0
    /// to 2 the inertia does not rise, see `KMeansRun.iterate`.
    var relaxation = 1.8

    /// A clustering with default limits. Numbers below 1 count as 1, and more than 2²⁴ clusters or
    /// dimensions as 2²⁴.
    public init(clusters: Int, dimensions: Int, metric: Metric, seed: UInt64) {
        self.clusters = min(max(clusters, 1), 1 << 24)
        self.dimensions = min(max(dimensions, 1), 1 << 24)
        self.metric = metric
        self.seed = seed
    }

    /// What a clustering did.
    public struct Outcome: Sendable {
        /// Centroids that differ from each other; they come first.
        public var distinct: Int
        /// Iterations done.
        public var iterations: Int
        /// The inertia before the centroids were moved for the last time, which lowered it further; NaN
        /// without any iteration.
        public var inertia: Double
    }

    /// Bytes that `run` allocates, in one piece and for the time of the call, beyond the sample and
    /// the centroids; `Int.max` if more than can be addressed. With n rows, k clusters and d dimensions
    /// about 12·k·d + 16·n, or a tenth of a sample of 40 rows for each cluster and 100 dimensions.
    public static func memoryNeeded(count: Int, clusters: Int, dimensions: Int) -> Int {
        KMeansMemory.Layout(
            count: max(count, 1), clusters: max(clusters, 1), dimensions: max(dimensions, 1)
        ).plan.bytesToAllocate
    }

    /// Computes the centroids.
    ///
    /// O(iterations · count · clusters · dimensions).
    ///
    /// - Parameters:
    ///   - sample: `count` rows of `dimensions` elements one behind the other. They are changed.
    ///   - centroids: room for `clusters` rows.
    ///   - memory: for what `memoryNeeded` says; given back unless an error is thrown.
    ///   - progress: is told of the progress and may stop it.
    public func run<Memory: MemorySource, Progress: ClusteringProgress>(
        _ sample: UnsafeMutablePointer<Float>, count: Int,
        into centroids: UnsafeMutablePointer<Float>, memory: inout Memory,
        progress: inout Progress
    ) throws(Memory.Failure) -> Outcome where Progress.Failure == Memory.Failure {
        let block = try memory.allocate(
            bytes: Self.memoryNeeded(count: count, clusters: clusters, dimensions: dimensions))
        let parts = KMeansMemory(
            in: block, count: max(count, 1), clusters: clusters, dimensions: dimensions)
        var prepared = KMeansSample(sample, count: count, dimensions: dimensions)
        try prepared.prepare(for: metric, &progress)
        var run = KMeansRun(self, prepared, centroids, parts)
        var outcome = Outcome(distinct: clusters, iterations: 0, inertia: .nan)
        if let distinct = try run.takeDistinctRows(&progress) {
            outcome.distinct = distinct
            outcome.inertia = 0
        } else {
            try run.measureOffsets(&progress)
            try run.seed(&progress)
            try iterate(&run, &outcome, &progress)
            try run.replaceDuplicates(&progress)
        }
        if prepared.exponent != 0 && metric.kind == .squaredEuclidean {
            for cluster in 0..<clusters {
                KMeansSample.scale(
                    centroids + cluster &* dimensions, dimensions, by: prepared.exponent, metric)
            }
        }
        try memory.release(block)
        return outcome
    }

    /// The iterations.
    private func iterate<Progress: ClusteringProgress>(
        _ run: inout KMeansRun, _ outcome: inout Outcome, _ progress: inout Progress
    ) throws(Progress.Failure) {
        let scale = Self.squaredScale(of: run.sample)
        var former = Double.infinity
        var isSettled = false
        while outcome.iterations < maximumIterations {
            outcome.iterations &+= 1
            let isLast = isSettled || outcome.iterations == maximumIterations
            let iteration = try run.iterate(relaxation: isLast ? 1 : relaxation, &progress)
            outcome.inertia = iteration.inertia * scale
            try progress.iterated(
                ClusteringStep(
                    iteration: outcome.iterations, maximumIterations: maximumIterations,
                    inertia: outcome.inertia, repaired: iteration.repaired))
            if isLast { return }
            isSettled =
                iteration.repaired == 0
                && former - iteration.inertia <= leastGain * iteration.inertia
            former = iteration.inertia
        }
    }

    /// What an inertia is to be multiplied by to be in the sample's own scale: the square of the power
    /// of two that the rows were divided by.
    private static func squaredScale(of sample: KMeansSample) -> Double {
        Double(bitPattern: UInt64(truncatingIfNeeded: 2 &* sample.exponent &+ 1023) &<< 52)
    }
}
