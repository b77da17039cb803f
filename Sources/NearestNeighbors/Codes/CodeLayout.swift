/// How many bits a code has for each dimension.
public enum CodeBits: UInt8, CaseIterable, Sendable {
    /// Signs only: 0.75 · |o| · |q| / √d is the typical error of an inner product ⟨o, q⟩.
    case one = 1
    /// 0.36 · |o| · |q| / √d.
    case two = 2
    /// 0.10 · |o| · |q| / √d.
    case four = 4
}

/// The bytes of a code.
///
/// A code has a value of b bits for each dimension, from 0 to 2ᵇ - 1, in blocks of 64 dimensions.
/// The 8·b bytes of a block consist of 8 / b fields each, and field k of byte j belongs to dimension
/// k · 8b + j:
///
///               byte 0             byte 1          …   byte 31
///     4 bits    | d32  | d0   |    | d33  | d1   |     | d63  | d31  |
///
///               byte 0                        …   byte 15
///     2 bits    | d48 | d32 | d16 | d0 |          | d63 | d47 | d31 | d15 |
///
///               byte 0                                          …   byte 7
///     1 bit     | d56 | d48 | d40 | d32 | d24 | d16 | d8 | d0 |     | d63 | … | d7 |
///
/// with the highest bit on the left. So one load, shifts and masks give the values of consecutive
/// dimensions in consecutive bytes. The values of dimensions that fill up the last block are 0.
public struct CodeLayout: Sendable {
    /// The number of components of a vector.
    public let dimensions: Int
    /// The bits for each component.
    public let bits: CodeBits

    /// The layout of codes for vectors with some number of components, at least 1.
    public init(dimensions: Int, bits: CodeBits) {
        self.dimensions = dimensions
        self.bits = bits
    }

    /// The blocks of a code.
    public var blocks: Int { Self.blocks(dimensions) }

    /// The bytes of a code.
    public var codeBytes: Int { Self.codeBytes(dimensions, bits) }

    /// The components of a vector that is encoded, and of a query: as many as the blocks have.
    public var paddedDimensions: Int { blocks &* 64 }

    /// The blocks of a code for so many dimensions.
    public static func blocks(_ dimensions: Int) -> Int { (dimensions &+ 63) >> 6 }

    /// The bytes of a code for so many dimensions.
    public static func codeBytes(_ dimensions: Int, _ bits: CodeBits) -> Int {
        blocks(dimensions) &* 8 &* Int(bits.rawValue)
    }

    /// Writes a vector minus a centre, or as it is without one, and zeros up to
    /// `paddedDimensions`, which is what the encoder and queries take. `out` may be the vector.
    public func writeResidual(
        of vector: UnsafePointer<Float>, from centre: UnsafePointer<Float>?,
        into out: UnsafeMutablePointer<Float>
    ) {
        var index = 0
        if let centre {
            while index < dimensions {
                out[index] = vector[index] - centre[index]
                index &+= 1
            }
        } else {
            while index < dimensions {
                out[index] = vector[index]
                index &+= 1
            }
        }
        while index < paddedDimensions {
            out[index] = 0
            index &+= 1
        }
    }

    /// Writes what a code stands for, twice x = u - (2ᵇ - 1) / 2, as `paddedDimensions` whole numbers; 0
    /// for the dimensions that fill up the last block.
    ///
    /// - Returns: their sum.
    public func writeDoubledValues(
        of code: UnsafePointer<UInt8>, into out: UnsafeMutablePointer<Int8>
    ) -> Int32 {
        let width = Int(bits.rawValue)
        let fieldBytes = 8 &* width
        let mask = UInt8(truncatingIfNeeded: (1 << width) &- 1)
        let highest = Int8(bitPattern: mask)
        var sum: Int32 = 0
        for block in 0..<blocks {
            let bytes = code + block &* fieldBytes
            for field in 0..<8 / width {
                let shift = UInt8(truncatingIfNeeded: field &* width)
                let values = out + (block &* 64 &+ field &* fieldBytes)
                var index = 0
                while index < fieldBytes {
                    let value = (bytes.eight(index) &>> SIMD8(repeating: shift)) & mask
                    let doubled =
                        SIMD8<Int8>(truncatingIfNeeded: value &+ value) &- highest
                    UnsafeMutableRawPointer(values + index)
                        .storeBytes(of: doubled, as: SIMD8<Int8>.self)
                    index &+= 8
                }
            }
        }
        var index = dimensions
        while index < paddedDimensions {
            out[index] = 0
            index &+= 1
        }
        for index in 0..<dimensions { sum &+= Int32(out[index]) }
        return sum
    }
}

extension UnsafePointer<UInt8> {
    /// The eight bytes from a place on.
    @inline(__always)
    fileprivate func eight(_ index: Int) -> SIMD8<UInt8> {
        UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<UInt8>.self)
    }
}
