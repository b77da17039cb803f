/// A centroid and how near it is: the lower the score, the nearer. Of equal scores the centroid with
/// the lower number comes first, so that the order is total.
public struct CentroidScore: BitwiseCopyable, Sendable {
    /// The score; see `CentroidPanels`. Never NaN.
    public var score: Float
    /// The number of the centroid.
    public var centroid: Int32

    /// A scored centroid.
    @inline(__always)
    public init(score: Float, centroid: Int32) {
        self.score = score
        self.centroid = centroid
    }

    @inline(__always)
    static func < (a: CentroidScore, b: CentroidScore) -> Bool {
        a.score < b.score || (a.score == b.score && a.centroid < b.centroid)
    }

    /// The lowest of many scores, in ascending order.
    ///
    /// Keeps a heap of the lowest so far, with the highest of them on top: O(n + c·log(wanted))
    /// time, where c scores were among the lowest of those before; in random order that is about
    /// wanted·log(n / wanted).
    ///
    /// - Parameters:
    ///   - scores: the scores of the centroids 0 up to `count`.
    ///   - wanted: how many to find.
    ///   - after: find only what comes after this one; nil finds the very lowest.
    ///   - found: room for `wanted`.
    /// - Returns: how many were found: fewer than wanted if there are no more.
    static func lowest(
        of scores: UnsafePointer<Float>, count: Int, wanted: Int, after: CentroidScore?,
        into found: UnsafeMutablePointer<CentroidScore>
    ) -> Int {
        guard wanted > 0 else { return 0 }
        let bound = after ?? CentroidScore(score: -.infinity, centroid: -1)
        var size = 0
        // A score above this one is not worth a look.
        var limit = Float.infinity
        for index in 0..<max(count, 0) {
            var score = scores[index]
            if score > limit { continue }
            if score.isNaN { score = .infinity }
            let candidate = CentroidScore(
                score: score, centroid: Int32(truncatingIfNeeded: index))
            guard bound < candidate else { continue }
            if size < wanted {
                rise(candidate, in: found, from: size)
                size &+= 1
                if size == wanted { limit = found[0].score }
            } else if candidate < found[0] {
                sink(candidate, in: found, size)
                limit = found[0].score
            }
        }
        // Take the highest from the top, again and again, and put it behind the rest.
        var rest = size
        while rest > 1 {
            rest &-= 1
            let last = found[rest]
            found[rest] = found[0]
            sink(last, in: found, rest)
        }
        return size
    }

    /// Adds to a heap of `hole` nodes.
    @inline(__always)
    private static func rise(
        _ node: CentroidScore, in heap: UnsafeMutablePointer<CentroidScore>, from hole: Int
    ) {
        var hole = hole
        while hole > 0 {
            let parent = (hole &- 1) >> 1
            guard heap[parent] < node else { break }
            heap[hole] = heap[parent]
            hole = parent
        }
        heap[hole] = node
    }

    /// Replaces the top of a heap.
    @inline(__always)
    private static func sink(
        _ node: CentroidScore, in heap: UnsafeMutablePointer<CentroidScore>, _ size: Int
    ) {
        var hole = 0
        while true {
            var child = hole &* 2 &+ 1
            guard child < size else { break }
            if child &+ 1 < size, heap[child] < heap[child &+ 1] { child &+= 1 }
            guard node < heap[child] else { break }
            heap[hole] = heap[child]
            hole = child
        }
        heap[hole] = node
    }
}
