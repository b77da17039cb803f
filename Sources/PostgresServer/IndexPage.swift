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
