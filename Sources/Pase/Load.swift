import NearestNeighbors
import PostgresServer
import VectorKernels

/// The kernels for this processor, chosen when the library is loaded.
///
/// Only `load` writes it, before anything else of the library runs.
nonisolated(unsafe) private var chosenKernels: KernelTable?

/// The kernels of codes for this processor, chosen at the same time.
nonisolated(unsafe) private var chosenCodeKernels: CodeKernelTable?

/// The kernels of codes for this processor.
var codeKernels: CodeKernelTable {
    @inline(__always) get { chosenCodeKernels ?? CodeKernelTable.best() }
}

/// The kernels for this processor.
var kernels: KernelTable {
    @inline(__always) get { chosenKernels ?? KernelTable.best() }
}

/// What happens once in each session that uses the extension.
@_cdecl("pase_load_body")
func load() {
    entryPoint(fallback: ()) { () throws(ServerError) in
        chosenKernels = KernelTable.best()
        chosenCodeKernels = CodeKernelTable.best()
        try HnswOptions.register()
        try IvfflatOptions.register()
        // Last: should anything before it fail the library is loaded again, and this bears no repetition.
        try SearchEffort.defineSettings()
    }
}
