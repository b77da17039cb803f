/// The first centroids of a clustering: k-means++ in rounds.
///
/// k-means++ (Arthur and Vassilvitskii 2007) draws one row after the other, with a probability
/// proportional to the squared distance from the centroids so far. In its greedy form several
/// candidates are drawn and the one that lowers the sum of the distances most is taken. Here 16
/// candidates are drawn at a time, because a panel of 16 costs the tile kernel little more than one
/// row, and of these the best one is taken, then the best one given that one, and so on, until
/// a share of them has been taken (a step towards k-means||, Bahmani et al. 2012) or the next one
/// gains little compared with the first. All this looks at a part of the sample only.
enum KMeansSeeding {
    /// Rows to look at.
    static func rows(count: Int, clusters: Int) -> Int {
        let (wanted, overflow) = clusters.multipliedReportingOverflow(by: rowsPerCluster)
        return overflow ? max(count, 0) : min(max(count, 0), max(wanted, 2048))
    }

    /// Rows to look at for each cluster.
    static var rowsPerCluster: Int { 8 }

    /// Candidates of a round that are taken: the fewer, the better the start and the longer it takes.
    static func taken(clusters: Int) -> Int { min(max(clusters / 32, 1), 8) }

    /// A candidate is taken if it gains at least this share of what the first of the round did. Where
    /// clusters are well apart, the second candidate in one of them falls short of it.
    static var leastShare: Float { 0.25 }
}

extension KMeansRun {
    /// Fills `centroids`. O(rows · clusters · dimensions) with few rows; see `KMeansSeeding`.
    mutating func seed<Progress: ClusteringProgress>(_ progress: inout Progress)
        throws(Progress.Failure)
    {
        let rows = KMeansSeeding.rows(count: sample.count, clusters: clusters)
        try bringToFront(rows, &progress)
        let matrix = memory.shared.assumingMemoryBound(to: Float.self)
        let taken = KMeansSeeding.taken(clusters: clusters)
        let candidates = CentroidPanels(
            in: memory.candidatePanels, count: KMeansMemory.candidates, dimensions: dimensions,
            isSpherical: isSpherical, kernels: metric.kernels)
        candidates.origin.copy(from: panels.origin, count: dimensions)

        // Before there is a centroid, distances are taken from the mean of all rows.
        for row in 0..<rows { memory.distances[row] = 2 * memory.offsets[row] }
        var made = 0
        while made < clusters {
            guard
                WeightedDraw.draw(
                    KMeansMemory.candidates, from: memory.distances, count: rows, &random,
                    into: memory.drawn)
            else { break }
            for index in 0..<KMeansMemory.candidates {
                let row = memory.candidateRows + index &* dimensions
                row.copy(from: sample[Int(memory.drawn[index])], count: dimensions)
                if isSpherical { metric.normalize(row, dimensions) }
            }
            candidates.write(memory.candidateRows)
            try measure(candidates, rows, into: matrix, &progress)
            var former: Int?
            var leastGain: Float = 0
            for _ in 0..<min(taken, clusters &- made) {
                guard
                    let (best, gain) = takeBest(
                        matrix, rows, after: former, gaining: leastGain)
                else { break }
                if former == nil { leastGain = KMeansSeeding.leastShare * gain }
                former = best
                (centroids + made &* dimensions).copy(
                    from: memory.candidateRows + best &* dimensions, count: dimensions)
                made &+= 1
                try progress.breathe()
            }
            guard let former else { break }
            takeIn(former, matrix, rows)
        }
        // The rows looked at are all used up: take any, and leave the rest to the repair.
        while made < clusters {
            setCentroid(made, toRow: random.index(below: sample.count))
            made &+= 1
        }
    }

    /// Swaps rows drawn at random to the front of the sample, since its parts may differ.
    /// O(rows · dimensions).
    private mutating func bringToFront<Progress: ClusteringProgress>(
        _ rows: Int, _ progress: inout Progress
    ) throws(Progress.Failure) {
        let breath = max(1_000_000 / dimensions, 1)
        for row in 0..<min(rows, sample.count) {
            let other = row &+ random.index(below: sample.count &- row)
            if row % breath == 0 { try progress.breathe() }
            guard other != row else { continue }
            let (a, b) = (sample[row], sample[other])
            for index in 0..<dimensions { (a[index], b[index]) = (b[index], a[index]) }
            (memory.offsets[row], memory.offsets[other]) =
                (memory.offsets[other], memory.offsets[row])
        }
    }

    /// Writes the squared distances of rows from the candidates, 16 for each row.
    private func measure<Progress: ClusteringProgress>(
        _ candidates: CentroidPanels, _ rows: Int,
        into matrix: UnsafeMutablePointer<Float>, _ progress: inout Progress
    ) throws(Progress.Failure) {
        let width = KMeansMemory.candidates
        let block = breath(centroids: width)
        var start = 0
        while start < rows {
            let end = min(start &+ block, rows)
            candidates.products(
                of: sample[start], strideInFloats: dimensions,
                rowCount: end &- start, into: matrix + start &* width)
            let biases = UnsafeRawPointer(candidates.biases).loadUnaligned(as: SIMD16<Float>.self)
            for row in start..<end {
                let place = UnsafeMutableRawPointer(matrix + row &* width)
                let products = place.loadUnaligned(as: SIMD16<Float>.self)
                let distances = 2 * (memory.offsets[row] + (biases - products))
                place.storeBytes(
                    of: distances.replacing(with: 0, where: distances .< 0),
                    as: SIMD16<Float>.self)
            }
            try progress.breathe()
            start = end
        }
    }

    /// Takes the candidate that lowers the sum of the distances most.
    ///
    /// - Parameter former: the candidate taken before in this round: its distances are taken in first.
    /// - Returns: the candidate's place and by how much it lowers the sum, or nil if no candidate lowers
    ///   it by more than `leastGain`.
    private func takeBest(
        _ matrix: UnsafeMutablePointer<Float>, _ rows: Int, after former: Int?,
        gaining leastGain: Float
    ) -> (place: Int, gain: Float)? {
        let distances = memory.distances
        if let former { distances[Int(memory.drawn[former])] = 0 }
        let column = former ?? 0
        // Without a former candidate no distance is to be lowered.
        let least: Float = former == nil ? .infinity : 0
        var gains = SIMD16<Float>.zero
        for row in 0..<rows {
            let place = matrix + row &* KMeansMemory.candidates
            let distance = min(distances[row], max(place[column], least))
            distances[row] = distance
            let gain = distance - UnsafeRawPointer(place).loadUnaligned(as: SIMD16<Float>.self)
            gains += gain.replacing(with: 0, where: gain .< 0)
        }
        var best: Int?
        var bestGain = leastGain
        for index in 0..<KMeansMemory.candidates where gains[index] > bestGain {
            // One that equals a centroid gains nothing but rounding errors.
            guard distances[Int(memory.drawn[index])] > 0 else { continue }
            best = index
            bestGain = gains[index]
        }
        guard let best else { return nil }
        return (best, bestGain)
    }

    /// Lowers the distances to those from a candidate.
    private func takeIn(_ best: Int, _ matrix: UnsafeMutablePointer<Float>, _ rows: Int) {
        let distances = memory.distances
        for row in 0..<rows {
            distances[row] = min(
                distances[row], matrix[row &* KMeansMemory.candidates &+ best])
        }
        distances[Int(memory.drawn[best])] = 0
    }
}
