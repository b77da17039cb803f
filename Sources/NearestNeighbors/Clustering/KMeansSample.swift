import VectorKernels

/// The sample of a clustering, brought into a form in which no sum of squares overflows or vanishes.
struct KMeansSample {
    let rows: UnsafeMutablePointer<Float>
    private(set) var count: Int
    let dimensions: Int
    /// What the rows were divided by: this power of two.
    private(set) var exponent = 0

    /// Takes over the caller's rows, which are changed in place.
    init(_ rows: UnsafeMutablePointer<Float>, count: Int, dimensions: Int) {
        self.rows = rows
        self.count = max(count, 0)
        self.dimensions = dimensions
    }

    /// The row at `index`.
    @inline(__always)
    subscript(index: Int) -> UnsafeMutablePointer<Float> { rows + index &* dimensions }

    /// Drops rows that are not finite and, where directions are compared, zero vectors unless there is
    /// nothing else. Brings rows to length 1 for the cosine, and otherwise all of them to a common
    /// scale if their elements are extremely large or small. The last rows take the place of dropped
    /// ones. O(count · dimensions).
    mutating func prepare<Progress: ClusteringProgress>(
        for metric: Metric, _ progress: inout Progress
    ) throws(Progress.Failure) {
        let breath = max(1_000_000 / dimensions, 1)
        var largest: Float = 0
        var zeros = 0
        var index = 0
        var sinceBreath = 0
        while index < count {
            sinceBreath &+= 1
            if sinceBreath > breath {
                sinceBreath = 0
                try progress.breathe()
            }
            let row = self[index]
            guard metric.kernels.isFinite(row, dimensions) else {
                drop(index)
                continue
            }
            if metric.kind == .cosine { metric.normalize(row, dimensions) }
            let magnitude = largestMagnitude(of: row)
            if magnitude == 0 {
                zeros &+= 1
                if metric.kind != .squaredEuclidean && index &+ 1 < count {
                    // Zeros gather at the end, so that one of them is there if it is needed.
                    drop(index)
                    continue
                }
            }
            largest = max(largest, magnitude)
            index &+= 1
        }
        if metric.kind != .squaredEuclidean, count > 1, zeros > 0, largest > 0,
            largestMagnitude(of: self[count &- 1]) == 0
        {
            count &-= 1
        }
        let size = Int(largest.exponentOrZero)
        guard metric.kind != .cosine, largest > 0, size > 40 || size < -40 else { return }
        exponent = size
        index = 0
        while index < count {
            Self.scale(self[index], dimensions, by: -exponent, metric)
            if index % breath == 0 { try progress.breathe() }
            index &+= 1
        }
    }

    /// Multiplies a vector by a power of two. In two steps: its factor may be out of range.
    static func scale(
        _ row: UnsafeMutablePointer<Float>, _ dimensions: Int, by exponent: Int, _ metric: Metric
    ) {
        let half = exponent / 2
        metric.kernels.scale(row, Float.powerOfTwo(half), dimensions)
        metric.kernels.scale(row, Float.powerOfTwo(exponent &- half), dimensions)
    }

    private mutating func drop(_ index: Int) {
        count &-= 1
        if index < count { self[index].copy(from: self[count], count: dimensions) }
    }

    private func largestMagnitude(of row: UnsafePointer<Float>) -> Float {
        var largest: Float = 0
        for index in 0..<dimensions { largest = max(largest, row[index].magnitude) }
        return largest
    }
}

extension Float {
    /// 2 to a power from −126 to 127.
    @inline(__always)
    static func powerOfTwo(_ power: Int) -> Float {
        Float(bitPattern: UInt32(truncatingIfNeeded: power &+ 127) &<< 23)
    }

    /// The power of two just below a finite number other than 0, or −126 if it is lower.
    @inline(__always)
    var exponentOrZero: Int { Swift.max(Int((bitPattern &<< 1) &>> 24) &- 127, -126) }
}
