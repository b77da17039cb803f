/// Notices that a chain of links, each of which should be met once, leads back to itself: Brent's algorithm. It
/// takes no memory, and some three times as many steps as there are links up to the circle's end.
public struct ChainGuard: BitwiseCopyable {
    private var kept: UInt64 = 0
    private var steps = 0
    private var most = 1

    /// At the beginning of a chain.
    public init() {}

    /// Takes the next link, which is not 0.
    ///
    /// - Returns: whether the chain has been here before.
    @inline(__always)
    public mutating func closes(_ link: UInt64) -> Bool {
        if link == kept { return true }
        steps &+= 1
        if steps == most {
            kept = link
            steps = 0
            most &*= 2
        }
        return false
    }
}
