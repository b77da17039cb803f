public import CPostgres

/// The bytes of one page, in the server's standard layout: header, line pointers, items, special
/// space. All reading is bounds-checked; a damaged page is an `index_corrupted` error.
public struct IndexPage {
    /// The first byte.
    public let start: UnsafeMutablePointer<CChar>

    /// The page at an address.
    @inline(__always)
    public init(_ start: UnsafeMutablePointer<CChar>) {
        self.start = start
    }

    /// A page's worth of memory, for `copy`.
    public init(in memory: ServerMemory) throws(ServerError) {
        start = try memory.allocate(bytes: IndexPage.size, zeroed: true)
            .assumingMemoryBound(to: CChar.self)
    }

    /// Takes over the bytes of another page.
    public func copy(_ other: IndexPage) {
        UnsafeMutableRawPointer(start).copyMemory(from: other.start, byteCount: IndexPage.size)
    }

    /// What is wrong with the header and the line pointers, nil if nothing is. Not for a page that was never
    /// written.
    public var problem: StaticString? {
        let bytes = UnsafeMutableRawPointer(start)
        func u16(_ offset: Int) -> Int {
            Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        }
        let lower = u16(12)
        let upper = u16(14)
        let special = u16(16)
        guard lower >= 24, (lower - 24) % IndexPage.linePointerBytes == 0, lower <= upper,
            upper <= special, special <= IndexPage.size
        else { return "the bounds in the page header are invalid" }
        // A bit for each 8 bytes of the largest page that the server can be built with, 32 kB.
        var taken = SIMD64<UInt64>.zero
        for offset in 0..<(lower - 24) / IndexPage.linePointerBytes {
            let pointer = bytes.loadUnaligned(
                fromByteOffset: 24 + offset * IndexPage.linePointerBytes, as: UInt32.self)
            let begin = Int(pointer & 0x7FFF)
            let length = Int(pointer >> 17)
            switch pointer >> 15 & 3 {
            case 0: continue
            case 1: break
            default: return "a line pointer has invalid flags"
            }
            guard begin >= upper, begin % 8 == 0, length > 0, begin + length <= special else {
                return "a line pointer leads outside the space for items"
            }
            for unit in begin / 8..<(begin + length + 7) / 8 {
                guard taken[unit / 64] & 1 << UInt64(unit % 64) == 0 else {
                    return "two items overlap"
                }
                taken[unit / 64] |= 1 << UInt64(unit % 64)
            }
        }
        return nil
    }

    /// Bytes in a page.
    @inline(__always)
    public static var size: Int { Int(BLCKSZ) }

    /// What the page header and the special space of `special` bytes leave for items and their line
    /// pointers.
    public static func usableBytes(special: Int) -> Int {
        size - 24 - (special + 7) / 8 * 8
    }

    /// Bytes of one line pointer.
    public static var linePointerBytes: Int { 4 }

    /// What an item of `count` bytes takes up beside its line pointer.
    public static func alignedBytes(_ count: Int) -> Int { (count + 7) / 8 * 8 }

    /// True of a page that was never written.
    @inline(__always)
    public var isNew: Bool { pase_page_is_new(start) }

    /// Number of line pointers, used or not.
    @inline(__always)
    public var itemCount: Int { Int(pase_page_item_count(start)) }

    /// Bytes left for one more item and its line pointer.
    public var freeSpace: Int { Int(pase_page_free_space(start)) }

    /// Whether the header says that the special space has a size; the space itself is not looked at.
    @inline(__always)
    public func hasSpecial(bytes: Int) -> Bool { Int(pase_page_special_size(start)) == bytes }

    /// The special space, if it has exactly the size `bytes`.
    @inline(__always)
    public func special(bytes: Int) -> UnsafeMutableRawPointer? {
        guard Int(pase_page_special_size(start)) == bytes, let special = pase_page_special(start)
        else { return nil }
        return UnsafeMutableRawPointer(special)
    }

    /// The item at `offset` (from 1), nil where there is none.
    @inline(__always)
    public func item(_ offset: Int) throws(ServerError) -> UnsafeMutableRawBufferPointer? {
        var length = 0
        var isDamaged = false
        guard
            let item = pase_page_item(
                start, Int32(truncatingIfNeeded: offset), &length, &isDamaged)
        else {
            if isDamaged { throw ServerError(.indexCorrupted, "damaged line pointer \(offset)") }
            return nil
        }
        return UnsafeMutableRawBufferPointer(start: item, count: length)
    }

    /// Makes an empty page of it.
    public func initialize(specialBytes: Int) throws(ServerError) {
        try check(pase_page_initialize(start, specialBytes))
    }

    /// Adds an item.
    ///
    /// - Returns: its offset, nil when the page has no room for it.
    public func add(_ item: UnsafeRawBufferPointer) throws(ServerError) -> Int? {
        var offset: Int32 = 0
        try check(pase_page_add_item(start, item.baseAddress, item.count, &offset))
        return offset == 0 ? nil : Int(offset)
    }

    /// Removes an item; the offsets of the others do not change.
    public func delete(_ offset: Int) throws(ServerError) {
        try check(pase_page_delete_item(start, Int32(truncatingIfNeeded: offset)))
    }
}
