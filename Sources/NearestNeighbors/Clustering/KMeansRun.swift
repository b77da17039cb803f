import VectorKernels

/// A clustering under way: the state that its phases share.
struct KMeansRun {
    let clusters: Int
    let dimensions: Int
    let metric: Metric
    let isSpherical: Bool
    let sample: KMeansSample
    let centroids: UnsafeMutablePointer<Float>
    let memory: KMeansMemory
    let panels: CentroidPanels
    var random: RandomSource
    /// The largest length of a row; where directions are compared.
    private(set) var largestLength = 0.0

    init(
        _ configuration: KMeans, _ sample: KMeansSample,
        _ centroids: UnsafeMutablePointer<Float>, _ memory: KMeansMemory
    ) {
        clusters = configuration.clusters
        dimensions = configuration.dimensions
        metric = configuration.metric
        isSpherical = metric.kind != .squaredEuclidean
        self.sample = sample
        self.centroids = centroids
        self.memory = memory
        random = RandomSource(seed: configuration.seed)
        panels = CentroidPanels(
            in: memory.panels, count: clusters, dimensions: dimensions, isSpherical: isSpherical,
            kernels: metric.kernels)
    }

    /// Rows that can be compared with so many centroids in a few milliseconds.
    func breath(centroids: Int) -> Int {
        let (work, overflow) = (centroids &* 96).multipliedReportingOverflow(by: dimensions)
        return overflow ? 96 : 96 &* min(max(100_000_000 / max(work, 1), 1), 64)
    }

    /// Makes the distinct rows of the sample the centroids, if there are at most as many as clusters.
    /// The rest of the centroids repeats them. O(clusters · dimensions) if there are more, else
    /// O(rows · dimensions).
    ///
    /// - Returns: how many distinct rows there are, or nil if there are more than clusters.
    func takeDistinctRows<Progress: ClusteringProgress>(_ progress: inout Progress)
        throws(Progress.Failure) -> Int?
    {
        let rows = MatrixRows(start: centroids, dimensions: dimensions)
        let set = DistinctRows<MatrixRows>(
            capacity: clusters &+ 1, slots: memory.shared.assumingMemoryBound(to: Int32.self))
        var distinct = 0
        let spare = memory.candidateRows
        let breath = max(1_000_000 / dimensions, 1)
        for row in 0..<sample.count {
            if row % breath == 0 { try progress.breathe() }
            spare.copy(from: sample[row], count: dimensions)
            if isSpherical { metric.normalize(spare, dimensions) }
            guard set.insert(spare, at: distinct, among: rows) == nil else { continue }
            guard distinct < clusters else { return nil }
            (centroids + distinct &* dimensions).copy(from: spare, count: dimensions)
            distinct &+= 1
        }
        if distinct == 0 {
            centroids.update(repeating: 0, count: clusters &* dimensions)
        } else {
            for cluster in distinct..<max(clusters, distinct) {
                (centroids + cluster &* dimensions).copy(
                    from: centroids + (cluster % distinct) &* dimensions, count: dimensions)
            }
        }
        return distinct
    }

    /// Computes what the scores lack to be distances, and the mean of the rows for that.
    /// O(rows · dimensions).
    mutating func measureOffsets<Progress: ClusteringProgress>(_ progress: inout Progress)
        throws(Progress.Failure)
    {
        let breath = max(1_000_000 / dimensions, 1)
        if !isSpherical {
            let sums = memory.shared.assumingMemoryBound(to: Double.self)
            sums.update(repeating: 0, count: dimensions)
            for row in 0..<sample.count {
                let source = sample[row]
                for index in 0..<dimensions { sums[index] += Double(source[index]) }
                if row % breath == 0 { try progress.breathe() }
            }
            for index in 0..<dimensions {
                panels.origin[index] = Float(sums[index] / Double(sample.count))
            }
        }
        var largest: Float = 0
        for row in 0..<sample.count {
            memory.offsets[row] = panels.offset(of: sample[row])
            largest = max(largest, memory.offsets[row])
            if row % breath == 0 { try progress.breathe() }
        }
        if isSpherical { largestLength = Double(largest) }
    }

    /// Replaces centroids that equal another one by rows that equal none. There are enough rows:
    /// more distinct ones than clusters. O(clusters · dimensions) unless there are duplicates.
    mutating func replaceDuplicates<Progress: ClusteringProgress>(_ progress: inout Progress)
        throws(Progress.Failure)
    {
        let rows = MatrixRows(start: centroids, dimensions: dimensions)
        let set = DistinctRows<MatrixRows>(
            capacity: clusters &+ 1, slots: memory.shared.assumingMemoryBound(to: Int32.self))
        var duplicates = 0
        for cluster in 0..<clusters
        where set.insert(centroids + cluster &* dimensions, at: cluster, among: rows) != nil {
            memory.counts[duplicates] = cluster
            duplicates &+= 1
        }
        guard duplicates > 0 else { return }
        var next = random.index(below: sample.count)
        var looked = 0
        let spare = memory.candidateRows
        while duplicates > 0 && looked < sample.count {
            spare.copy(from: sample[next], count: dimensions)
            if isSpherical { metric.normalize(spare, dimensions) }
            let cluster = memory.counts[duplicates &- 1]
            if set.insert(spare, at: cluster, among: rows) == nil {
                (centroids + cluster &* dimensions).copy(from: spare, count: dimensions)
                duplicates &-= 1
            }
            next = next &+ 1 == sample.count ? 0 : next &+ 1
            looked &+= 1
            if looked & 1023 == 0 { try progress.breathe() }
        }
    }
}
