public import CPostgres

/// A few small changes to one page, known byte by byte; much cheaper than a `PageEdit`, which compares two
/// images of the page to find them.
public struct PagePatch {
    private let relation: ServerRelation
    private let mode: WriteMode
    private let patch: UnsafeMutablePointer<CPostgres.PasePatch>

    /// Memory for one patch after the other.
    ///
    /// - Parameters:
    ///   - changes: the most that a patch has.
    ///   - bytes: the most that these write, all together.
    public init(
        _ relation: ServerRelation, _ mode: WriteMode, changes: Int, bytes: Int,
        in memory: ServerMemory
    ) throws(ServerError) {
        self.relation = relation
        self.mode = mode
        let capacity = changes * PagePatch.headerBytes + bytes
        patch = try memory.allocate(bytes: pase_patch_size(capacity))
            .assumingMemoryBound(to: CPostgres.PasePatch.self)
        patch.pointee.length = 0
        patch.pointee.capacity = UInt32(clamping: capacity)
    }

    /// What each change takes beside its bytes.
    private static let headerBytes = 4

    /// Begins anew.
    public func begin() { patch.pointee.length = 0 }

    /// Plans to write bytes at a place within the page; `target` points into the page.
    public func write(
        _ bytes: UnsafeRawBufferPointer, to target: UnsafeRawPointer, of page: IndexPage
    )
        throws(ServerError)
    {
        let offset = target - UnsafeRawPointer(page.start)
        guard offset >= 0,
            pase_patch_add(patch, offset, bytes.baseAddress, bytes.count)
        else {
            throw ServerError(.internalError, "a change of \(bytes.count) bytes fits no patch")
        }
    }

    /// Plans to write a number.
    public func write<Number: BitwiseCopyable>(
        _ number: Number, to target: UnsafeRawPointer, of page: IndexPage
    ) throws(ServerError) {
        var failure: ServerError?
        withUnsafeBytes(of: number) { bytes in
            do throws(ServerError) {
                try write(bytes, to: target, of: page)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Makes the changes. The page stays locked.
    public func apply(to locked: LockedPage) throws(ServerError) {
        try check(
            pase_patch_apply(patch, relation.relation, locked.buffer, mode == .logged))
    }
}
