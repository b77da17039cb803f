import NearestNeighbors
import VectorKernels

/// What a test throws to stop a clustering.
struct ClusterStop: Error {}

/// Memory that counts what is out.
struct CountingMemory: MemorySource {
    private(set) var live: [UnsafeMutableRawPointer: Int] = [:]
    private(set) var largest = 0
    private(set) var allocations = 0
    var failsAt = Int.max

    mutating func allocate(bytes count: Int) throws(ClusterStop) -> UnsafeMutableRawPointer {
        allocations += 1
        guard allocations < failsAt else { throw ClusterStop() }
        // Badly aligned, with guards around it and nothing useful in it.
        let block = UnsafeMutableRawPointer.allocate(byteCount: count + 80, alignment: 16)
        block.initializeMemory(as: UInt8.self, repeating: 0xFF, count: count + 80)
        live[block + 8] = count
        largest = max(largest, live.values.reduce(0, +))
        return block + 8
    }

    mutating func release(_ memory: UnsafeMutableRawPointer) throws(ClusterStop) {
        guard let count = live.removeValue(forKey: memory) else {
            preconditionFailure("released what was not allocated")
        }
        for byte in count..<count + 72 {
            precondition(memory.load(fromByteOffset: byte, as: UInt8.self) == 0xFF, "overrun")
        }
        (memory - 8).deallocate()
    }

    /// What the server does after an error.
    mutating func drop() {
        for (memory, _) in live { (memory - 8).deallocate() }
        live = [:]
    }
}

/// Progress that is noted and may stop the clustering.
struct RecordingProgress: ClusteringProgress {
    var breaths = 0
    var stopsAt = Int.max
    var inertias: [Double] = []
    var repaired = 0

    mutating func breathe() throws(ClusterStop) {
        breaths += 1
        guard breaths < stopsAt else { throw ClusterStop() }
    }

    mutating func iterated(_ step: ClusteringStep) throws(ClusterStop) {
        inertias.append(step.inertia)
        repaired += step.repaired
    }
}

/// What a clustering came to.
struct Clustering {
    var centroids: [[Float]]
    var outcome: KMeans.Outcome
    var progress: RecordingProgress

    init(_ rows: [[Float]], _ configuration: KMeans) throws {
        let dimensions = configuration.dimensions
        var memory = CountingMemory()
        var recorded = RecordingProgress()
        var sample = rows.flatMap { $0 }
        sample.append(0)
        var flat = [Float](repeating: .nan, count: configuration.clusters * dimensions + 1)
        outcome = try sample.withUnsafeMutableBufferPointer { sample in
            try flat.withUnsafeMutableBufferPointer { flat in
                guard let sample = sample.baseAddress, let flat = flat.baseAddress else {
                    throw ClusterStop()
                }
                return try configuration.run(
                    sample, count: rows.count, into: flat, memory: &memory, progress: &recorded)
            }
        }
        progress = recorded
        precondition(flat[flat.count - 1].isNaN, "a write past the centroids")
        precondition(memory.live.isEmpty, "memory not given back")
        precondition(
            memory.largest
                == KMeans.memoryNeeded(
                    count: rows.count, clusters: configuration.clusters, dimensions: dimensions))
        centroids = (0..<configuration.clusters).map {
            Array(flat[$0 * dimensions..<($0 + 1) * dimensions])
        }
    }

    var isFinite: Bool { centroids.allSatisfy { $0.allSatisfy(\.isFinite) } }
    var distinct: Int { Set(centroids.map { $0.map { $0 + 0 } }).count }
}

func squaredDistance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
}

/// The inertia of centroids, computed plainly.
func inertia(_ rows: [[Float]], _ centroids: [[Float]]) -> Double {
    rows.reduce(0) { sum, row in
        sum + (centroids.map { squaredDistance(row, $0) }.min() ?? 0)
    }
}

/// Lloyd's algorithm as the books have it: the inertia before each step, and the centroids. Rows are
/// of length 1 if `isSpherical`.
func plainLloyd(
    _ rows: [[Float]], from start: [[Float]], iterations: Int, isSpherical: Bool
) -> (inertias: [Double], centroids: [[Float]]) {
    var centroids = start
    var inertias: [Double] = []
    for _ in 0..<iterations {
        var sums = centroids.map { $0.map { _ in 0.0 } }
        var counts = centroids.map { _ in 0 }
        var total = 0.0
        for row in rows {
            let distances = centroids.map { squaredDistance(row, $0) }
            let least = distances.min() ?? 0
            let nearest = distances.firstIndex(of: least) ?? 0
            total += least
            counts[nearest] += 1
            for index in row.indices { sums[nearest][index] += Double(row[index]) }
        }
        inertias.append(total)
        for (cluster, sum) in sums.enumerated() where counts[cluster] > 0 {
            let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
            centroids[cluster] = sum.map {
                Float($0 / (isSpherical ? length : Double(counts[cluster])))
            }
        }
    }
    return (inertias, centroids)
}

func unitVector(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? vector.map { Float(Double($0) / length) } : vector
}

extension RandomSource {
    mutating func vector(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }

    /// Rows around centres, in turn.
    mutating func blobs(_ centres: [[Float]], _ count: Int, spread: Float) -> [[Float]] {
        (0..<count).map { row in
            zip(centres[row % centres.count], vector(centres[0].count)).map { $0 + spread * $1 }
        }
    }
}
