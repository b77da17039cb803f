import Testing
import VectorKernels

@testable import NearestNeighbors

private let levels: [KernelTable] = InstructionLevel.supported.compactMap {
    KernelTable.table(for: $0)
}
private let kinds: [Metric.Kind] = [.squaredEuclidean, .innerProduct, .cosine]

private func configuration(
    _ clusters: Int, _ dimensions: Int, _ kind: Metric.Kind = .squaredEuclidean,
    level: Int? = nil, seed: UInt64 = 1
) -> KMeans {
    KMeans(
        clusters: clusters, dimensions: dimensions,
        metric: Metric(kind, levels[level ?? levels.count - 1]), seed: seed)
}

@Suite struct ClusterTests {
    /// From the same start the same way as a plain implementation goes.
    @Test(arguments: levels.indices, [Metric.Kind.squaredEuclidean, .cosine])
    func agreesWithPlainLloyd(_ level: Int, _ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 7)
        let rows = (0..<700).map { _ in unitVector(random.vector(9)) }
        var kMeans = configuration(13, 9, kind, level: level)
        kMeans.maximumIterations = 0
        let start = try Clustering(rows, kMeans)
        #expect(start.outcome.iterations == 0 && start.outcome.inertia.isNaN)
        for centroid in start.centroids {
            #expect(rows.contains { squaredDistance($0, centroid) < 1e-12 })
        }

        kMeans.maximumIterations = 12
        kMeans.leastGain = -1
        kMeans.relaxation = 1
        let run = try Clustering(rows, kMeans)
        #expect(run.outcome.iterations == 12 && run.progress.repaired == 0)
        let plain = plainLloyd(
            rows, from: start.centroids, iterations: 12, isSpherical: kind == .cosine)
        for (ours, theirs) in zip(run.progress.inertias, plain.inertias) {
            #expect(abs(ours - theirs) <= 1e-4 * theirs)
        }
        let (ours, theirs) = (inertia(rows, run.centroids), inertia(rows, plain.centroids))
        #expect(abs(ours - theirs) <= 1e-4 * theirs)
    }

    @Test(arguments: kinds)
    func inertiaNeverRises(_ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 8)
        for seed in 0..<10 as Range<UInt64> {
            let rows = (0..<500).map { _ in random.vector(6) }
            var kMeans = configuration(40, 6, kind, seed: seed)
            kMeans.maximumIterations = 25
            kMeans.leastGain = -1
            let run = try Clustering(rows, kMeans)
            let inertias = run.progress.inertias
            #expect(inertias.count == 25)
            for (former, next) in zip(inertias, inertias.dropFirst()) {
                #expect(next <= former * (1 + 1e-5))
            }
            #expect(run.outcome.inertia == inertias.last)
            if kind != .innerProduct {
                let unit = kind == .cosine ? rows.map(unitVector) : rows
                #expect(inertia(unit, run.centroids) <= run.outcome.inertia * (1 + 1e-5))
            }
        }
    }

    /// Over-relaxation pays: fewer iterations to an inertia that is no worse.
    @Test func relaxedIterationsComeFurther() throws {
        var random = RandomSource(seed: 9)
        let rows = (0..<4000).map { _ in random.vector(8) }
        var relaxed = 0.0
        var plain = 0.0
        for seed in 0..<5 as Range<UInt64> {
            var kMeans = configuration(60, 8, seed: seed)
            kMeans.leastGain = -1
            relaxed += inertia(rows, try Clustering(rows, kMeans).centroids)
            kMeans.relaxation = 1
            plain += inertia(rows, try Clustering(rows, kMeans).centroids)
        }
        #expect(relaxed < plain)
    }

    @Test(arguments: kinds, [2, 17, 60, 300])
    func separateBlobsAreFound(_ kind: Metric.Kind, _ count: Int) throws {
        var random = RandomSource(seed: UInt64(count))
        let centres = (0..<count).map { _ in unitVector(random.vector(24)).map { $0 * 100 } }
        let rows = random.blobs(centres, count * 40, spread: 0.5)
        let run = try Clustering(rows, configuration(count, 24, kind))
        var found = Set<Int>()
        for centre in centres {
            let target = kind == .squaredEuclidean ? centre : unitVector(centre)
            let nearest = run.centroids.indices.min {
                squaredDistance(run.centroids[$0], target)
                    < squaredDistance(run.centroids[$1], target)
            }
            found.insert(nearest ?? -1)
            let distance = squaredDistance(run.centroids[nearest ?? 0], target).squareRoot()
            #expect(distance < (kind == .squaredEuclidean ? 2 : 0.02))
        }
        #expect(found.count == count)
        #expect(run.outcome.distinct == count)
    }

    @Test(arguments: levels.indices, kinds)
    func sameSeedSameCentroids(_ level: Int, _ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 10)
        let rows = (0..<900).map { _ in random.vector(33) }
        let first = try Clustering(rows, configuration(50, 33, kind, level: level, seed: 5))
        let second = try Clustering(rows, configuration(50, 33, kind, level: level, seed: 5))
        let other = try Clustering(rows, configuration(50, 33, kind, level: level, seed: 6))
        #expect(first.centroids == second.centroids)
        #expect(first.centroids != other.centroids)
        if kind != .squaredEuclidean {
            #expect(
                first.centroids.allSatisfy {
                    abs(squaredDistance($0, $0.map { _ in 0 }) - 1) < 1e-5
                })
        }
    }

    /// The mean of all rows is far away and their differences are small.
    @Test func farFromTheOrigin() throws {
        var random = RandomSource(seed: 11)
        let centres = (0..<8).map { _ in random.vector(20).map { 10_000 + 10 * $0 } }
        let rows = random.blobs(centres, 800, spread: 0.1)
        let run = try Clustering(rows, configuration(8, 20))
        #expect(inertia(rows, run.centroids) < 800 * 20 * 0.01)
    }
}

@Suite struct ClusterEdgeTests {
    @Test(arguments: kinds, [1, 2, 16, 17, 100])
    func noRowsOrOne(_ kind: Metric.Kind, _ clusters: Int) throws {
        let empty = try Clustering([], configuration(clusters, 5, kind))
        #expect(empty.outcome.distinct == 0)
        #expect(empty.centroids.allSatisfy { $0 == [0, 0, 0, 0, 0] })

        let row: [Float] = [3, 0, 0, -4, 0]
        let one = try Clustering([row], configuration(clusters, 5, kind))
        #expect(one.outcome.distinct == 1 && one.outcome.inertia == 0)
        let expected: [Float] = kind == .squaredEuclidean ? row : [0.6, 0, 0, -0.8, 0]
        #expect(one.centroids.allSatisfy { squaredDistance($0, expected) < 1e-12 })
    }

    @Test func oneClusterIsTheMean() throws {
        var random = RandomSource(seed: 20)
        let rows = (0..<1000).map { _ in random.vector(7, 5...6) }
        let run = try Clustering(rows, configuration(1, 7))
        for index in 0..<7 {
            let mean = rows.reduce(0) { $0 + Double($1[index]) } / 1000
            #expect(abs(Double(run.centroids[0][index]) - mean) < 1e-6)
        }
    }

    @Test(arguments: kinds)
    func allRowsEqual(_ kind: Metric.Kind) throws {
        for row in [[Float](repeating: 0, count: 4), [1, 2, -3, 1e-3], [-0, 0, 0, -0]] {
            let run = try Clustering(
                [[Float]](repeating: row, count: 500), configuration(20, 4, kind))
            #expect(run.outcome.distinct == 1)
            #expect(run.isFinite && run.distinct == 1)
        }
    }

    /// With at most as many distinct rows as clusters, the centroids are the rows.
    @Test(arguments: kinds)
    func fewDistinctRows(_ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 21)
        for distinct in [2, 9, 29, 30] {
            let some = (0..<distinct).map { _ in random.vector(6) }
            let rows = (0..<400).map { some[$0 % distinct] }
            let run = try Clustering(rows, configuration(30, 6, kind))
            #expect(run.outcome.distinct == distinct && run.distinct == distinct)
            #expect(Set(run.centroids.prefix(distinct)).count == distinct)
            let expected = kind == .squaredEuclidean ? some : some.map(unitVector)
            #expect(inertia(expected, run.centroids) < 1e-10)
        }
        // Lengths make no difference where directions are compared.
        let rows = (1...100).map { [Float($0), 2 * Float($0)] }
        let run = try Clustering(rows, configuration(10, 2, kind))
        #expect(run.outcome.distinct <= 10 && run.isFinite)
        if kind == .squaredEuclidean { #expect(run.distinct == 10) }
    }

    /// More distinct rows than clusters, most of them rare: no centroid is there twice.
    @Test(arguments: kinds)
    func noDuplicates(_ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 22)
        for (common, rare) in [(1, 40), (3, 38), (30, 11), (0, 41)] {
            let some = (0..<max(common, 1)).map { _ in random.vector(5).map { 1000 + $0 } }
            var rows = (0..<(common == 0 ? 0 : 3000)).map { some[$0 % some.count] }
            for _ in 0..<rare { rows.append(random.vector(5).map { 1000 + $0 }) }
            rows.shuffle(using: &random)
            for iterations in [0, 1, 10] {
                var kMeans = configuration(40, 5, kind)
                kMeans.maximumIterations = iterations
                let run = try Clustering(rows, kMeans)
                #expect(run.outcome.distinct == 40 && run.distinct == 40 && run.isFinite)
            }
        }
    }

    @Test(arguments: kinds)
    func rowsThatAreNotFinite(_ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 23)
        let good = (0..<300).map { _ in random.vector(6) }
        var rows = good
        for (place, value) in [(0, Float.nan), (77, .infinity), (300, -.infinity), (303, .nan)] {
            var row = random.vector(6)
            row[place % 6] = value
            rows.insert(row, at: place)
        }
        let run = try Clustering(rows, configuration(10, 6, kind))
        #expect(run.isFinite && run.distinct == 10)
        let clean = try Clustering(good, configuration(10, 6, kind))
        let scale = inertia(good, clean.centroids)
        #expect(abs(inertia(good, run.centroids) - scale) < 0.1 * scale)
        let bad = try Clustering(
            [[Float]](repeating: [.nan, 0, 0, 0, 0, 0], count: 50), configuration(10, 6, kind))
        #expect(bad.outcome.distinct == 0 && bad.isFinite)
    }

    /// Squares of these elements overflow or vanish.
    @Test(arguments: kinds, [Float.greatestFiniteMagnitude, 1e30, 1e-30, 0x1p-140])
    func extremeScales(_ kind: Metric.Kind, _ scale: Float) throws {
        var random = RandomSource(seed: 24)
        let centres = (0..<6).map { _ in random.vector(12) }
        let plain = random.blobs(centres, 600, spread: 0.01).map { $0.map { $0 / 1.01 } }
        let rows = plain.map { $0.map { $0 * scale } }
        let run = try Clustering(rows, configuration(6, 12, kind))
        #expect(run.isFinite && run.distinct == 6)
        if kind == .squaredEuclidean && scale != 0x1p-140 {
            let back = run.centroids.map { $0.map { $0 / scale } }
            #expect(inertia(plain, back) < 600 * 12 * 0.001)
        }
        // Extreme and ordinary rows together.
        let mixed = try Clustering(rows + plain, configuration(6, 12, kind))
        #expect(mixed.isFinite)
    }

    /// Zero vectors have no direction; opposite ones have no mean direction.
    @Test(arguments: [Metric.Kind.innerProduct, .cosine])
    func directions(_ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 25)
        var rows = (0..<200).map { _ in random.vector(4) }
        for place in [0, 0, 50, 120, 203, 204] {
            rows.insert([0, 0, 0, 0], at: min(place, rows.count))
        }
        let run = try Clustering(rows, configuration(12, 4, kind))
        #expect(run.distinct == 12)
        for centroid in run.centroids {
            #expect(abs(squaredDistance(centroid, [0, 0, 0, 0]) - 1) < 1e-5)
        }

        let opposite = (0..<100).flatMap { _ in
            let row = random.vector(4)
            return [row, row.map { -$0 }]
        }
        for clusters in [1, 2, 3] {
            let run = try Clustering(opposite, configuration(clusters, 4, kind))
            #expect(run.isFinite && run.distinct == clusters)
            for centroid in run.centroids {
                #expect(abs(squaredDistance(centroid, [0, 0, 0, 0]) - 1) < 1e-5)
            }
        }
    }

    /// Clusters that run empty get another centroid. Two far groups, and a start that is all in one:
    /// seeding avoids that, so the iteration is called by itself.
    @Test func emptyClustersAreRepaired() throws {
        var random = RandomSource(seed: 26)
        let rows = random.blobs([[0, 0], [100, 0]], 200, spread: 1)
        var flat = rows.flatMap { $0 }
        var centroids = [Float](repeating: 0, count: 20)
        var memory = SystemMemory()
        let kMeans = configuration(10, 2)
        let block = memory.allocate(
            bytes: KMeans.memoryNeeded(count: 200, clusters: 10, dimensions: 2))
        defer { memory.release(block) }
        try flat.withUnsafeMutableBufferPointer { flat in
            try centroids.withUnsafeMutableBufferPointer { centroids in
                let rows = try #require(flat.baseAddress)
                let start = try #require(centroids.baseAddress)
                var progress = RecordingProgress()
                var run = KMeansRun(
                    kMeans, KMeansSample(rows, count: 200, dimensions: 2), start,
                    KMeansMemory(in: block, count: 200, clusters: 10, dimensions: 2))
                try run.measureOffsets(&progress)
                // All ten centroids at the origin: nine are empty, and go where the inertia is.
                let first = try run.iterate(relaxation: 1, &progress)
                #expect(first.repaired == 9)
                let second = try run.iterate(relaxation: 1, &progress)
                #expect(second.repaired == 0)
                let third = try run.iterate(relaxation: 1, &progress)
                #expect(third.inertia < first.inertia / 1000)
            }
        }
    }

    @Test func sizesWithoutSense() throws {
        let kernels = levels[levels.count - 1]
        let none = KMeans(
            clusters: 0, dimensions: -3, metric: Metric(.squaredEuclidean, kernels), seed: 0)
        #expect(none.clusters == 1 && none.dimensions == 1)
        let run = try Clustering([[1], [2]], none)
        #expect(run.centroids == [[1.5]])
        for value in [Int.min, -1, 0, 1, 1 << 40, Int.max / 2, Int.max] {
            for other in [Int.min, 0, 1, 1 << 40, Int.max] {
                #expect(KMeans.memoryNeeded(count: value, clusters: other, dimensions: 3) > 0)
                #expect(KMeans.memoryNeeded(count: 3, clusters: value, dimensions: other) > 0)
                #expect(CentroidPanels.memoryNeeded(count: value, dimensions: other) >= 0)
            }
        }
        #expect(KMeans.memoryNeeded(count: 10, clusters: 1 << 40, dimensions: 1 << 40) == .max)
        // A tenth of the sample or so.
        let needed = KMeans.memoryNeeded(count: 50_000, clusters: 1000, dimensions: 128)
        #expect(needed < 50_000 * 128 * 4 / 8)
    }

    /// An error thrown from any breath comes out, and nothing else has happened than allocations.
    @Test func stopsAtAnyBreath() throws {
        var random = RandomSource(seed: 27)
        let rows = (0..<600).flatMap { _ in random.vector(5) }
        let kMeans = configuration(30, 5)
        var stops = 0
        for stop in 1... {
            var memory = CountingMemory()
            var progress = RecordingProgress(stopsAt: stop)
            var sample = rows
            var centroids = [Float](repeating: 0, count: 150)
            do {
                _ = try sample.withUnsafeMutableBufferPointer { sample in
                    try centroids.withUnsafeMutableBufferPointer { centroids in
                        let rows = try #require(sample.baseAddress)
                        let start = try #require(centroids.baseAddress)
                        return try kMeans.run(
                            rows, count: 600, into: start, memory: &memory, progress: &progress)
                    }
                }
                #expect(memory.live.isEmpty)
                break
            } catch is ClusterStop {
                stops += 1
                #expect(progress.breaths == stop)
                #expect(memory.live.count == 1)
                memory.drop()
            }
        }
        #expect(stops > 20)

        var memory = CountingMemory(failsAt: 1)
        var progress = RecordingProgress()
        var one: Float = 0
        var other: Float = 0
        #expect(throws: ClusterStop.self) {
            try configuration(1, 1).run(
                &one, count: 1, into: &other, memory: &memory, progress: &progress)
        }
        #expect(memory.live.isEmpty)
    }
}
