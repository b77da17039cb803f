/// Vectors of equal dimensions, added up element by element in double precision, and how many there were:
/// what a sum and a mean are made of.
///
/// In memory, and as it goes from one process to another:
///
///     0   Int64      the number of vectors
///     8   Int64      the number of dimensions
///     16  Double[]   the sums
public struct VectorSum {
    /// Where it is. The owner of the memory gives it back.
    public let bytes: UnsafeMutableRawPointer

    /// The bytes before the sums.
    private static let headerBytes = 16

    /// How much room it takes.
    public static func byteCount(dimensions: Int) -> Int { headerBytes + dimensions * 8 }

    /// Writes the sum of no vectors at a place with room for it.
    public init(empty bytes: UnsafeMutableRawPointer, dimensions: Int) {
        self.bytes = bytes
        bytes.initializeMemory(
            as: UInt8.self, repeating: 0, count: VectorSum.byteCount(dimensions: dimensions))
        bytes.storeBytes(of: Int64(dimensions), toByteOffset: 8, as: Int64.self)
    }

    /// The sum that is at a place where one has been written.
    public init(at bytes: UnsafeMutableRawPointer) {
        self.bytes = bytes
    }

    /// The dimensions of a copy that comes from somewhere else, nil unless its size is that of one.
    public static func dimensions(ofCopy bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= headerBytes else { return nil }
        let dimensions = bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self)
        guard dimensions >= 0, dimensions == (bytes.count - headerBytes) / 8,
            bytes.count == byteCount(dimensions: Int(dimensions))
        else { return nil }
        return Int(dimensions)
    }

    /// The number of vectors.
    public var count: Int { Int(bytes.load(fromByteOffset: 0, as: Int64.self)) }

    /// The number of elements of each.
    public var dimensions: Int { Int(bytes.load(fromByteOffset: 8, as: Int64.self)) }

    /// The sums of the elements.
    public var sums: UnsafeMutablePointer<Double> {
        (bytes + VectorSum.headerBytes).assumingMemoryBound(to: Double.self)
    }

    /// Adds a vector of as many dimensions.
    public func add(_ vector: UnsafePointer<Float>) {
        count(more: 1)
        let sums = self.sums
        for index in 0..<dimensions { sums[index] += Double(vector[index]) }
    }

    /// Adds what another sum of as many dimensions has added up.
    public func add(_ other: VectorSum) {
        count(more: other.count)
        let sums = self.sums
        let more = other.sums
        for index in 0..<dimensions { sums[index] += more[index] }
    }

    /// Writes the sums, divided by a number. What is not in the range of single precision becomes infinite.
    ///
    /// - Returns: the first element with which that happened, or nil.
    public func write(dividedBy divisor: Double, to target: UnsafeMutablePointer<Float>) -> Int? {
        var overflow: Int?
        let sums = self.sums
        for index in 0..<dimensions {
            let value = Float(sums[index] / divisor)
            target[index] = value
            if !value.isFinite && overflow == nil { overflow = index }
        }
        return overflow
    }

    private func count(more: Int) {
        bytes.storeBytes(of: Int64(count &+ more), toByteOffset: 0, as: Int64.self)
    }
}
