/// How near the vectors of lists that a search has not opened may be, as far as those of the opened ones tell.
///
/// A vector is answered only while it is nearer than that, so that what a list holds that is opened later falls in
/// behind what has been answered.
///
/// The distances of a list's vectors from a query scatter about that of its centroid, moved by how far the vectors are from
/// the centroid: for squared Euclidean distances
///
///     |q - o|² = |q - c|² + |o - c|² - 2⟨q - c, o - c⟩
///
/// where the last term has mean 0 and, with many dimensions, is nearly normal, its deviation growing with |q - c|. For
/// inner products it is -⟨q, o⟩ = -⟨q, c⟩ - ⟨q, o - c⟩, and the deviation the same for all lists. Mean and deviation are
/// measured over the vectors of the opened lists, whose distances codes estimate; the estimates' error is part of the
/// deviation. Where vectors lie in clumps, a few are far nearer than a normal distribution has them; so no vector of a closed
/// list is taken to be nearer, against its centroid, than the nearest of the opened ones was against its own.
public struct ListFrontier {
    private let isEuclidean: Bool
    private let deviations: Double
    private var count = 0.0
    private var sum = 0.0
    private var squares = 0.0
    private var centroidSum = 0.0
    private var least = Double.infinity

    /// No list is open.
    ///
    /// - Parameters:
    ///   - isEuclidean: whether distances are squared Euclidean ones; else minus inner products.
    ///   - deviations: how many standard deviations below the mean of a list's distances its nearest vector is taken to be, at
    ///     least.
    public init(isEuclidean: Bool, deviations: Double) {
        self.isEuclidean = isEuclidean
        self.deviations = deviations
    }

    /// Takes in a group of an opened list. O(count).
    ///
    /// - Parameter estimates: the distances of the group's vectors, as their codes estimate them.
    @inline(__always)
    public mutating func add(
        _ estimates: UnsafePointer<Float>, count: Int, centroidDistance: Float
    ) {
        var sums = SIMD8<Float>()
        var squares = SIMD8<Float>()
        var leasts = SIMD8<Float>(repeating: .infinity)
        let centre = SIMD8<Float>(repeating: centroidDistance)
        let start = UnsafeRawPointer(estimates)
        var index = 0
        while index &+ 8 <= count {
            let part =
                start.loadUnaligned(fromByteOffset: index &* 4, as: SIMD8<Float>.self) - centre
            sums += part
            squares += part * part
            leasts.replace(with: part, where: part .< leasts)
            index &+= 8
        }
        var sum = Double(sums.sum())
        var square = Double(squares.sum())
        var least = Double(leasts.min())
        while index < count {
            let part = Double(estimates[index]) - Double(centroidDistance)
            sum += part
            square += part * part
            least = min(least, part)
            index &+= 1
        }
        self.count += Double(count)
        self.sum += sum
        self.squares += square
        self.least = min(self.least, least)
        centroidSum += Double(count) * Double(centroidDistance)
    }

    /// No vector of a list whose centroid is so far away is expected to be nearer than this; minus infinity where too
    /// little is known.
    public func nearest(centroidDistance: Float) -> Float {
        guard count >= ListFrontier.leastCount else { return -.infinity }
        let mean = sum / count
        let variance = max(0, squares / count - mean * mean)
        var reach = max(
            deviations * variance.squareRoot(), ListFrontier.margin * (mean - least))
        if isEuclidean, centroidSum > 0 {
            reach *= max(1, Double(centroidDistance) * count / centroidSum).squareRoot()
        }
        let nearest = Double(centroidDistance) + mean - reach
        return nearest.isFinite ? Float(nearest) : -.infinity
    }

    /// What is yet to come may be a little beyond what has been seen.
    private static var margin: Double { 1.2 }

    /// Fewer vectors say too little of a deviation.
    private static var leastCount: Double { 16 }
}
