import NearestNeighbors

/// An array of codes and their factors in a page's item: all first factors, all second ones, all third
/// ones, then the codes, each with room for `slots`.
struct IvfflatCodes {
    /// Bytes before the codes of each slot.
    static let factorBytes = 12

    private let start: UnsafeMutableRawPointer
    private let slots: Int
    private let codeBytes: Int

    /// The array at an address; the caller has checked that the item holds it.
    @inline(__always)
    init(_ start: UnsafeMutableRawPointer, slots: Int, codeBytes: Int) {
        self.start = start
        self.slots = slots
        self.codeBytes = codeBytes
    }

    /// Bytes of an array.
    @inline(__always)
    static func bytes(slots: Int, codeBytes: Int) -> Int { slots * (factorBytes + codeBytes) }

    /// Bounds the distances of the first `count` vectors to a query from below.
    ///
    /// - Parameter estimates: room for `count` numbers.
    @inline(__always)
    func bound(
        _ query: CodeQuery, count: Int, estimates: UnsafeMutablePointer<Float>,
        into bounds: UnsafeMutablePointer<Float>
    ) {
        query.bound(
            (start + slots * IvfflatCodes.factorBytes).assumingMemoryBound(to: UInt8.self),
            stride: codeBytes,
            CodeFactorArrays(
                squaredNorms: start.assumingMemoryBound(to: Float.self),
                scales: (start + slots * 4).assumingMemoryBound(to: Float.self)),
            errors: (start + slots * 8).assumingMemoryBound(to: Float.self),
            count: count, into: estimates, bounds: bounds)
    }

    /// Writes a code and its factors.
    func write(_ code: UnsafePointer<UInt8>, _ factors: CodeFactors, slot: Int) {
        start.put(factors.squaredNorm.bitPattern, at: slot * 4)
        start.put(factors.scale.bitPattern, at: (slots + slot) * 4)
        start.put(factors.error.bitPattern, at: (slots * 2 + slot) * 4)
        (start + slots * IvfflatCodes.factorBytes + slot * codeBytes).copyMemory(
            from: code, byteCount: codeBytes)
    }
}
