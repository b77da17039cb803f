/// Centroids as the tile kernels read them; see `TileTable` for the layout.
public enum TilePanels {
    /// Centroids in one panel.
    @inline(__always)
    public static var lanes: Int { 16 }

    /// The panels that so many centroids take.
    @inline(__always)
    public static func count(_ centroids: Int) -> Int {
        (centroids >> 4) &+ (centroids & 15 == 0 ? 0 : 1)
    }

    /// Writes centroids, given as rows, into panels; the places left in the last panel become zeros.
    ///
    /// - Parameters:
    ///   - rows: the first centroid; the next one starts `strideInFloats` later.
    ///   - origin: what to subtract from each centroid, or nil.
    ///   - panels: room for `16 * count(rowCount) * dimensions` floats.
    public static func write(
        _ rows: UnsafePointer<Float>, strideInFloats: Int, rowCount: Int, dimensions: Int,
        origin: UnsafePointer<Float>?, to panels: UnsafeMutablePointer<Float>
    ) {
        for panel in 0..<max(count(rowCount), 0) {
            let target = panels + panel &* dimensions &* lanes
            let first = panel &* lanes
            for lane in 0..<lanes {
                guard first &+ lane < rowCount else {
                    for index in 0..<dimensions { target[index &* lanes &+ lane] = 0 }
                    continue
                }
                let row = rows + (first &+ lane) &* strideInFloats
                if let origin {
                    for index in 0..<dimensions {
                        target[index &* lanes &+ lane] = row[index] - origin[index]
                    }
                } else {
                    for index in 0..<dimensions { target[index &* lanes &+ lane] = row[index] }
                }
            }
        }
    }
}
