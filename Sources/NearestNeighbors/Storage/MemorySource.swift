/// Where the algorithms get their memory from.
///
/// In the server it is a memory context, and running out of memory is an error that ends the
/// statement. In the tests it is the C library.
public protocol MemorySource {
    /// What an allocation, or any other step of a storage built on it, throws. `Never` for plain
    /// memory.
    associatedtype Failure: Error

    /// `count` bytes, aligned for any type, not initialised.
    mutating func allocate(bytes count: Int) throws(Failure) -> UnsafeMutableRawPointer

    /// Gives back what `allocate` gave.
    mutating func release(_ memory: UnsafeMutableRawPointer) throws(Failure)
}

/// The C library's memory, for the tests and tools: it ends the process when there is none.
public struct SystemMemory: MemorySource {
    /// No state: any instance gives back what any other gave.
    public init() {}

    /// See `MemorySource`.
    @inline(__always)
    public mutating func allocate(bytes count: Int) throws(Never) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    }

    /// See `MemorySource`.
    @inline(__always)
    public mutating func release(_ memory: UnsafeMutableRawPointer) throws(Never) {
        memory.deallocate()
    }
}
