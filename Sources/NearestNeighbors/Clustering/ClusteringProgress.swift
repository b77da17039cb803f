/// What a clustering tells its caller on the way, and where the caller may stop it.
public protocol ClusteringProgress {
    /// What stops the clustering; the `Failure` of the memory it works in.
    associatedtype Failure: Error

    /// Called every few milliseconds. An error thrown here ends the clustering at once; the memory
    /// it has allocated stays with whoever gave it, and the centroids are not to be used.
    mutating func breathe() throws(Failure)

    /// Called after each iteration.
    mutating func iterated(_ step: ClusteringStep) throws(Failure)
}

extension ClusteringProgress {
    /// Nothing to tell.
    public mutating func iterated(_ step: ClusteringStep) throws(Failure) {}
}

/// One iteration of a clustering.
public struct ClusteringStep: Sendable {
    /// The iteration, from 1.
    public let iteration: Int
    /// No more iterations than these will follow in all.
    public let maximumIterations: Int
    /// The sum over all rows of the squared distance to the nearest centroid, before the centroids
    /// were moved; see `KMeans`.
    public let inertia: Double
    /// Clusters that were empty and got a new centroid.
    public let repaired: Int
}
