import NearestNeighbors
import PostgresServer

/// Where codes and their factors are in a page's item: all first factors, all second ones, where bounds are
/// wanted all third ones, then the codes, each with room for `slots`.
struct CodeArrayLayout {
    let slots: Int
    let codeBytes: Int
    /// Whether the third factor is there, the estimate's error.
    let hasErrors: Bool

    @inline(__always)
    var factorBytes: Int { hasErrors ? 12 : 8 }

    /// Bytes of each slot.
    @inline(__always)
    var slotBytes: Int { factorBytes + codeBytes }

    /// Bytes of an array.
    @inline(__always)
    var bytes: Int { slots * slotBytes }
}

/// An array of codes and their factors in a page's item.
struct CodeArray {
    let start: UnsafeMutableRawPointer
    let layout: CodeArrayLayout

    /// The array at an address; the caller has checked that the item holds it.
    @inline(__always)
    init(_ start: UnsafeMutableRawPointer, _ layout: CodeArrayLayout) {
        self.start = start
        self.layout = layout
    }

    @inline(__always)
    private var codes: UnsafeMutablePointer<UInt8> {
        (start + layout.slots * layout.factorBytes).assumingMemoryBound(to: UInt8.self)
    }

    @inline(__always)
    private var factorArrays: CodeFactorArrays {
        CodeFactorArrays(
            squaredNorms: start.assumingMemoryBound(to: Float.self),
            scales: (start + layout.slots * 4).assumingMemoryBound(to: Float.self))
    }

    /// Estimates the distances of the first `count` vectors from a query.
    @inline(__always)
    func estimate(
        _ query: CodeQuery, count: Int, into estimates: UnsafeMutablePointer<Float>
    ) {
        query.estimate(
            codes, stride: layout.codeBytes, factorArrays, count: count, into: estimates)
    }

    /// Bounds the distances of the first `count` vectors to a query from below.
    ///
    /// - Parameter estimates: room for `count` numbers.
    @inline(__always)
    func bound(
        _ query: CodeQuery, count: Int, estimates: UnsafeMutablePointer<Float>,
        into bounds: UnsafeMutablePointer<Float>
    ) {
        query.bound(
            codes, stride: layout.codeBytes, factorArrays,
            errors: (start + layout.slots * 8).assumingMemoryBound(to: Float.self),
            count: count, into: estimates, bounds: bounds)
    }

    /// A vector's code.
    @inline(__always)
    func code(_ slot: Int) -> UnsafePointer<UInt8> {
        UnsafePointer(codes + slot * layout.codeBytes)
    }

    /// What stands beside a vector's code, but for the error.
    @inline(__always)
    func factors(_ slot: Int) -> CodeFactors {
        CodeFactors(
            squaredNorm: Float(bitPattern: start.u32(slot * 4)),
            scale: Float(bitPattern: start.u32((layout.slots + slot) * 4)), error: .infinity)
    }

    /// Copies a code and its factors from another array of the same layout.
    func copy(_ slot: Int, from other: CodeArray, slot otherSlot: Int) {
        for factor in 0..<layout.factorBytes / 4 {
            start.put(
                other.start.u32((factor * layout.slots + otherSlot) * 4),
                at: (factor * layout.slots + slot) * 4)
        }
        (codes + slot * layout.codeBytes).copy(
            from: other.codes + otherSlot * layout.codeBytes, count: layout.codeBytes)
    }

    /// Plans to write a code and its factors.
    func plan(_ code: HnswCode, slot: Int, in patch: PagePatch, of page: IndexPage)
        throws(ServerError)
    {
        try patch.write(code.factors.squaredNorm, to: start + slot * 4, of: page)
        try patch.write(code.factors.scale, to: start + (layout.slots + slot) * 4, of: page)
        if layout.hasErrors {
            try patch.write(
                code.factors.error, to: start + (layout.slots * 2 + slot) * 4, of: page)
        }
        try patch.write(
            UnsafeRawBufferPointer(start: code.bytes, count: layout.codeBytes),
            to: codes + slot * layout.codeBytes, of: page)
    }

    /// Writes a code and its factors.
    func write(_ code: UnsafePointer<UInt8>, _ factors: CodeFactors, slot: Int) {
        start.put(factors.squaredNorm.bitPattern, at: slot * 4)
        start.put(factors.scale.bitPattern, at: (layout.slots + slot) * 4)
        if layout.hasErrors {
            start.put(factors.error.bitPattern, at: (layout.slots * 2 + slot) * 4)
        }
        (codes + slot * layout.codeBytes).copy(from: code, count: layout.codeBytes)
    }
}
