/// One iteration of Lloyd's algorithm.
extension KMeansRun {
    /// What an iteration found.
    struct Iteration {
        var inertia: Double
        var repaired: Int
    }

    /// Assigns each row to its nearest centroid, moves each centroid towards the mean of its rows and
    /// gives a new one to each empty cluster. O(rows · clusters · dimensions).
    ///
    /// - Parameter relaxation: how far a centroid c moves towards the mean m of its n rows: to
    ///   c + r·(m − c). The sum of the squared distances of these rows then is
    ///   n·(1 − r)²·‖m − c‖² above its least value, and it was n·‖m − c‖² above; so it does not rise
    ///   for r from 0 to 2.
    mutating func iterate<Progress: ClusteringProgress>(
        relaxation: Double, _ progress: inout Progress
    ) throws(Progress.Failure) -> Iteration {
        panels.write(centroids)
        let rows = sample.count
        let sums = memory.shared.assumingMemoryBound(to: Double.self)
        sums.update(repeating: 0, count: clusters &* dimensions)
        memory.counts.update(repeating: 0, count: clusters)
        var inertia = 0.0
        let block = breath(centroids: clusters)
        var start = 0
        while start < rows {
            let end = min(start &+ block, rows)
            panels.findNearest(
                of: sample[start], strideInFloats: dimensions,
                rowCount: end &- start, centroids: memory.lists + start,
                scores: memory.scores + start)
            for row in start..<end {
                let distance = max(2 * (memory.offsets[row] + memory.scores[row]), 0)
                memory.distances[row] = distance
                inertia += Double(distance)
                let list = Int(memory.lists[row])
                memory.counts[list] &+= 1
                let sum = sums + list &* dimensions
                let source = sample[row]
                for index in 0..<dimensions { sum[index] += Double(source[index]) }
            }
            try progress.breathe()
            start = end
        }
        var empty = 0
        for cluster in 0..<clusters {
            let sum = sums + cluster &* dimensions
            if memory.counts[cluster] > 0 && setCentroid(cluster, toDirectionOf: sum, relaxation) {
                continue
            }
            // The centroids without rows are noted in the counts, which are not needed any more.
            memory.counts[empty] = cluster
            empty &+= 1
        }
        try progress.breathe()
        repair(empty)
        return Iteration(inertia: inertia, repaired: empty)
    }

    /// Moves a centroid to the mean of its rows, or, where directions are compared, to the mean
    /// direction; false if the rows cancel out, so that there is none.
    private func setCentroid(
        _ cluster: Int, toDirectionOf sum: UnsafeMutablePointer<Double>, _ relaxation: Double
    ) -> Bool {
        let centroid = centroids + cluster &* dimensions
        var divisor = Double(memory.counts[cluster])
        if isSpherical {
            var squares = 0.0
            for index in 0..<dimensions { squares += sum[index] * sum[index] }
            divisor = squares.squareRoot()
            // What the rounding of the rows alone may leave of a sum that is zero.
            guard divisor > largestLength * Double(memory.counts[cluster]) * 0x1p-24 else {
                return false
            }
        }
        for index in 0..<dimensions {
            let old = Double(centroid[index])
            centroid[index] = Float(old + relaxation * (sum[index] / divisor - old))
        }
        if isSpherical && relaxation != 1 { metric.normalize(centroid, dimensions) }
        return true
    }

    /// Gives each cluster without rows the place of a row, drawn in proportion to its squared distance
    /// from its centroid: as in k-means++, this splits the clusters that add most to the inertia.
    private mutating func repair(_ empty: Int) {
        guard empty > 0 else { return }
        let isDrawn = WeightedDraw.draw(
            empty, from: memory.distances, count: sample.count, &random, into: memory.drawn)
        for index in 0..<empty {
            let row = isDrawn ? Int(memory.drawn[index]) : random.index(below: sample.count)
            setCentroid(memory.counts[index], toRow: row)
        }
    }

    /// Puts a centroid where a row is.
    func setCentroid(_ cluster: Int, toRow row: Int) {
        let centroid = centroids + cluster &* dimensions
        centroid.copy(from: sample[row], count: dimensions)
        if isSpherical { metric.normalize(centroid, dimensions) }
    }
}
