import CKernels

/// Asks the processor to fetch the cache line at an address that will be read soon. Never faults.
@inline(__always)
public func prefetch(_ address: UnsafeRawPointer) {
    kernels_prefetch(address)
}

/// Fetches the first lines of a node's vector.
@inline(__always)
func prefetchVector(of node: UnsafeRawPointer, _ offset: Int) {
    kernels_prefetch(node + offset)
    kernels_prefetch(node + offset + 64)
    kernels_prefetch(node + offset + 128)
    kernels_prefetch(node + offset + 192)
}
