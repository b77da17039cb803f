import NearestNeighbors
import PostgresServer
import VectorKernels

/// The kernels for this processor, chosen when the library is loaded.
///
/// Only `load` writes it, before anything else of the library runs.
nonisolated(unsafe) private var chosenKernels: KernelTable?

/// The kernels for this processor.
var kernels: KernelTable {
    @inline(__always) get { chosenKernels ?? KernelTable.best() }
}

/// What happens once in each session that uses the extension.
@_cdecl("pase_load_body")
func load() {
    entryPoint(fallback: ()) { () throws(ServerError) in
        chosenKernels = KernelTable.best()
        try HnswOptions.register()
    }
}
