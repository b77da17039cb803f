/// Unaligned access to the bytes of an item. The caller has checked the bounds.
extension UnsafeMutableRawPointer {
    @inline(__always)
    func u8(_ offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }
    @inline(__always)
    func u16(_ offset: Int) -> UInt16 { loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
    @inline(__always)
    func u32(_ offset: Int) -> UInt32 { loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    @inline(__always)
    func f32(_ offset: Int) -> Float { Float(bitPattern: u32(offset)) }
    @inline(__always)
    func u64(_ offset: Int) -> UInt64 { loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    @inline(__always)
    func put(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }
    @inline(__always)
    func put(_ value: UInt16, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt16.self)
    }
    @inline(__always)
    func put(_ value: UInt32, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
    }
    @inline(__always)
    func put(_ value: UInt64, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }

    /// A heap TID of 6 bytes: block << 16 | offset.
    @inline(__always)
    func row(_ offset: Int) -> UInt64 { UInt64(u32(offset)) << 16 | UInt64(u16(offset + 4)) }

    /// Writes a heap TID.
    @inline(__always)
    func putRow(_ row: UInt64, at offset: Int) {
        put(UInt32(truncatingIfNeeded: row >> 16), at: offset)
        put(UInt16(truncatingIfNeeded: row), at: offset + 4)
    }
}
