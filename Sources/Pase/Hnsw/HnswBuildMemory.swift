import CPostgres
import NearestNeighbors
import PostgresServer

/// `pase_hnsw_build_memory(rows, dimensions, base_nb_num, codes, workers)`: what `maintenance_work_mem` has to
/// be, in bytes, so that a graph is built in memory.
@_cdecl("pase_hnsw_build_memory_body")
func hnswBuildMemory(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let rows = call.int64(0)
        // A table has at most 2³² pages of some 290 rows.
        try checkArgument("rows", rows, 0...(1 << 41))
        let dimensions = Int(call.int32(1))
        try checkArgument("dimensions", Int64(dimensions), 1...Int64(QueryLimits.maximumDimensions))
        let links = Int(call.int32(2))
        try checkArgument("base_nb_num", Int64(links), 2...128)
        let bits = call.int32(3)
        try checkArgument("codes", Int64(bits), -1...4)
        let workers = Int(call.int32(4))
        try checkArgument("workers", Int64(workers), 0...1024)
        var meta = HnswMeta(
            dimensions: 0, links: links, efConstruction: HnswOptions.defaultEfBuild,
            metric: .squaredEuclidean)
        meta.setDimensions(dimensions, codes: HnswOptions.Codes(bits))
        let nodes = Int(rows)
        let codes = HnswNodeCodes.bytes(nodes + 1, meta)
        let room = GraphInsertion.vectorRoomBytes(meta.shape) * 2 + 1 << 18
        var bytes =
            MemoryGraph<ServerMemory>.usualBytes(meta.shape, nodes: nodes) + codes + room
        if workers > 0 {
            bytes = max(
                bytes,
                HnswParallelBuild.usualBytes(
                    meta, nodes: nodes, workers: workers, participantBytes: room))
        }
        return pase_int64_datum(Int64(bytes))
    }
}

private func checkArgument(_ name: StaticString, _ value: Int64, _ range: ClosedRange<Int64>)
    throws(ServerError)
{
    guard range.contains(value) else {
        throw ServerError(
            .invalidParameterValue,
            "\(name) must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
    }
}
