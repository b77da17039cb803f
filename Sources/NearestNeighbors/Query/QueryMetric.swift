/// How a query measures distance: the third field of its text.
public enum QueryMetric: Int32, Sendable {
    /// The squared Euclidean distance.
    case squaredEuclidean = 0
    /// The inner product itself, which is larger the nearer two vectors are.
    case innerProduct = 1
    /// One minus the cosine of the angle.
    case cosine = 2
    /// Minus the inner product, so that nearer is smaller as with every other distance.
    case negativeInnerProduct = 3
}
