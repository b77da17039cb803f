public import CPostgres

/// Work that is done in steps: within a step each participant takes pieces as long as there are any, and no one
/// begins the next step before all are through.
extension ParallelBuild {
    /// Takes part from the present step on, which may not be the first for a worker that comes late.
    ///
    /// - Returns: the step's number.
    public func joinSteps() throws(ServerError) -> Int {
        var step: Int32 = 0
        try check(pase_parallel_join_steps(handle, &step))
        pase_parallel_prepare_next(handle, step)
        return Int(step)
    }

    /// The next piece of a step's work, from 0.
    @inline(__always)
    public func take(in step: Int) -> Int {
        Int(truncatingIfNeeded: pase_parallel_take(handle, Int32(truncatingIfNeeded: step)))
    }

    /// Waits until all participants are through with a step.
    ///
    /// - Returns: the next step.
    public func finish(_ step: Int) throws(ServerError) -> Int {
        try check(pase_parallel_next_step(handle))
        pase_parallel_prepare_next(handle, Int32(truncatingIfNeeded: step &+ 1))
        return step &+ 1
    }
}
