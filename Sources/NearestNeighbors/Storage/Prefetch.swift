import CKernels

/// Asks the processor to fetch the cache line at an address that will be read soon. Never faults.
@inline(__always)
public func prefetch(_ address: UnsafeRawPointer) {
    kernels_prefetch(address)
}

/// How many vectors ahead of the one that is being read are worth asking for.
@inline(__always)
var vectorsAhead: Int { 4 }

/// Asks for a vector, of a long one for the first part: the processor itself goes on from there.
@inline(__always)
func prefetchVector(_ vector: UnsafePointer<Float>, _ dimensions: Int) {
    let bytes = min(dimensions &* 4, 1024)
    var offset = 0
    while offset < bytes {
        kernels_prefetch(UnsafeRawPointer(vector) + offset)
        offset &+= 64
    }
}
