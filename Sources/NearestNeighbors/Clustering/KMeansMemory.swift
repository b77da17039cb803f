/// The memory a clustering works in, apart from the sample and the centroids.
struct KMeansMemory {
    /// Candidates looked at together in seeding: one panel.
    static var candidates: Int { 16 }

    /// Where each part starts in one block.
    struct Layout {
        var plan = MemoryPlan()
        let panels: Int
        let candidatePanels: Int
        let candidateRows: Int
        let shared: Int
        let counts: Int
        let lists: Int
        let scores: Int
        let offsets: Int
        let distances: Int
        let drawn: Int

        init(count: Int, clusters: Int, dimensions: Int) {
            panels = plan.add(
                CentroidPanels.memoryNeeded(count: clusters, dimensions: dimensions),
                of: UInt8.self)
            candidatePanels = plan.add(
                CentroidPanels.memoryNeeded(
                    count: KMeansMemory.candidates, dimensions: dimensions),
                of: UInt8.self)
            candidateRows = plan.add(KMeansMemory.candidates, dimensions, of: Float.self)
            // One after the other: the slots of the set of distinct rows, the distances of rows from
            // candidates, the sums of the clusters, the slots again.
            var sharedPlan = MemoryPlan()
            _ = sharedPlan.add(clusters, dimensions, of: Double.self)
            var larger = sharedPlan.bytes
            sharedPlan = MemoryPlan()
            _ = sharedPlan.add(
                KMeansSeeding.rows(count: count, clusters: clusters), KMeansMemory.candidates,
                of: Float.self)
            larger = max(larger, sharedPlan.bytes)
            sharedPlan = MemoryPlan()
            _ = sharedPlan.add(
                DistinctRows<MatrixRows>.slotCount(capacity: clusters &+ 1), of: Int32.self)
            shared = plan.add(max(larger, sharedPlan.bytes), of: UInt8.self)
            counts = plan.add(clusters, of: Int.self)
            lists = plan.add(count, of: Int32.self)
            scores = plan.add(count, of: Float.self)
            offsets = plan.add(count, of: Float.self)
            distances = plan.add(count, of: Float.self)
            drawn = plan.add(max(clusters, KMeansMemory.candidates), of: Int32.self)
        }
    }

    /// Memory of `CentroidPanels` for the centroids.
    let panels: UnsafeMutableRawPointer
    /// Memory of `CentroidPanels` for the candidates of a round.
    let candidatePanels: UnsafeMutableRawPointer
    /// The candidates of a round as rows.
    let candidateRows: UnsafeMutablePointer<Float>
    /// For what is needed for a while.
    let shared: UnsafeMutableRawPointer
    /// The rows of each cluster.
    let counts: UnsafeMutablePointer<Int>
    /// The cluster of each row.
    let lists: UnsafeMutablePointer<Int32>
    /// The score of each row with its cluster's centroid.
    let scores: UnsafeMutablePointer<Float>
    /// See `CentroidPanels.offset`.
    let offsets: UnsafeMutablePointer<Float>
    /// The squared distance of each row from its centroid.
    let distances: UnsafeMutablePointer<Float>
    /// Rows drawn at random.
    let drawn: UnsafeMutablePointer<Int32>

    init(
        in block: UnsafeMutableRawPointer, count: Int, clusters: Int, dimensions: Int
    ) {
        let layout = Layout(count: count, clusters: clusters, dimensions: dimensions)
        let start = MemoryPlan.aligned(block)
        panels = start + layout.panels
        candidatePanels = start + layout.candidatePanels
        candidateRows = (start + layout.candidateRows).assumingMemoryBound(to: Float.self)
        shared = start + layout.shared
        counts = (start + layout.counts).assumingMemoryBound(to: Int.self)
        lists = (start + layout.lists).assumingMemoryBound(to: Int32.self)
        scores = (start + layout.scores).assumingMemoryBound(to: Float.self)
        offsets = (start + layout.offsets).assumingMemoryBound(to: Float.self)
        distances = (start + layout.distances).assumingMemoryBound(to: Float.self)
        drawn = (start + layout.drawn).assumingMemoryBound(to: Int32.self)
    }
}
