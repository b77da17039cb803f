/// Draws rows with a probability proportional to a weight.
enum WeightedDraw {
    /// Draws `wanted` rows, one from each of as many equal parts of the total weight, in ascending
    /// order. A row that weighs more than a part may be drawn more than once, one that weighs nothing
    /// is not. O(count + wanted).
    ///
    /// - Parameters:
    ///   - weights: finite numbers, not negative.
    ///   - drawn: room for `wanted` row numbers.
    /// - Returns: whether there was any weight; else nothing is drawn.
    static func draw(
        _ wanted: Int, from weights: UnsafePointer<Float>, count: Int,
        _ random: inout RandomSource, into drawn: UnsafeMutablePointer<Int32>
    ) -> Bool {
        var total = 0.0
        var last = -1
        for row in 0..<count where weights[row] > 0 {
            total += Double(weights[row])
            last = row
        }
        guard total > 0, total.isFinite else { return false }
        let part = total / Double(wanted)
        var row = -1
        var sum = 0.0
        for index in 0..<wanted {
            let target = (Double(index) + random.unit()) * part
            while row < last && (row < 0 || sum <= target) {
                row &+= 1
                if weights[row] > 0 { sum += Double(weights[row]) }
            }
            drawn[index] = Int32(truncatingIfNeeded: row)
        }
        return true
    }
}

extension RandomSource {
    /// A number from 0 up to, not including, 1.
    @inline(__always)
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number from 0 up to, not including, `count`, which is above 0.
    @inline(__always)
    public mutating func index(below count: Int) -> Int {
        Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }
}
