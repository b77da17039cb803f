public import CPostgres

/// A memory context of the server: what lives in it is given back when it is reset or deleted,
/// however that comes about, an error included.
public struct ServerMemory {
    /// The server's handle.
    public let context: CPostgres.MemoryContext

    /// Wraps a context that the server made.
    public init(_ context: CPostgres.MemoryContext) {
        self.context = context
    }

    /// The context that is current now.
    public static func current() throws(ServerError) -> ServerMemory {
        guard let context = pase_current_context() else {
            throw ServerError(.internalError, "no current memory context")
        }
        return ServerMemory(context)
    }

    /// A new context below this one. `name` must be a literal: the server keeps the pointer.
    public func makeChild(_ name: StaticString) throws(ServerError) -> ServerMemory {
        var child: CPostgres.MemoryContext?
        let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        try check(pase_context_create(context, text, &child))
        guard let child else { throw ServerError(.internalError, "no memory context was made") }
        return ServerMemory(child)
    }

    /// Gives back all that was allocated in the context.
    public func reset() throws(ServerError) {
        try check(pase_context_reset(context))
    }

    /// Gives back the context and all that is in it.
    public func delete() throws(ServerError) {
        try check(pase_context_delete(context))
    }

    /// `count` bytes, aligned for any type, not initialised unless `zeroed`.
    public func allocate(bytes count: Int, zeroed: Bool = false) throws(ServerError)
        -> UnsafeMutableRawPointer
    {
        guard count >= 0 else { throw ServerError(.internalError, "negative allocation") }
        var result: UnsafeMutableRawPointer?
        try check(pase_allocate(context, max(count, 1), zeroed, &result))
        guard let result else { throw ServerError(.outOfMemory, "out of memory") }
        return result
    }

    /// Room for `count` values of a trivial type, not initialised unless `zeroed`.
    public func allocate<Element: BitwiseCopyable>(
        _ count: Int, of type: Element.Type, zeroed: Bool = false
    ) throws(ServerError) -> UnsafeMutablePointer<Element> {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflow else { throw ServerError(.outOfMemory, "out of memory") }
        return try allocate(bytes: bytes, zeroed: zeroed).assumingMemoryBound(to: Element.self)
    }

    /// Gives back what `allocate` gave.
    public func free(_ memory: UnsafeMutableRawPointer) {
        pase_free(memory)
    }

    /// Runs `release(object)` when the context is reset or deleted. It must not call the server.
    public func onReset(
        _ object: UnsafeMutableRawPointer,
        _ release: @convention(c) (UnsafeMutableRawPointer?) -> Void
    ) throws(ServerError) {
        try check(pase_context_on_reset(context, release, object))
    }

    /// Runs `body` with this context as the current one, which matters to server calls that return
    /// something allocated.
    @inline(__always)
    public func asCurrent<Result>(_ body: () throws(ServerError) -> Result) throws(ServerError)
        -> Result
    {
        // After an error the server itself sets the context of whoever catches it.
        let caller = pase_switch_context(context)
        let result = try body()
        _ = pase_switch_context(caller)
        return result
    }
}
