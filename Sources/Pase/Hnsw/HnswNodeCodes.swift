import NearestNeighbors
import PostgresServer

/// The codes of all nodes of a graph in memory, relative to the mean of their vectors. Several processes can make them
/// together, in memory that they share.
struct HnswNodeCodes {
    /// The mean, rotated.
    let centre: UnsafeMutablePointer<Float>
    private let factors: UnsafeMutablePointer<CodeFactors>
    private let bytes: UnsafeMutablePointer<UInt8>
    private let encoder: VectorEncoder
    private let rotated: UnsafeMutablePointer<Float>
    private let nodes: Int
    private let memory: ServerMemory

    /// How many codes are a piece of work.
    private static let nodesPerPiece = 256

    /// Room for the codes of so many nodes, in bytes; 0 in an index without codes.
    static func bytes(_ nodes: Int, _ meta: HnswMeta) -> Int {
        guard let bits = meta.bits else { return 0 }
        let code = CodeLayout(dimensions: meta.dimensions, bits: bits)
        return code.paddedDimensions * MemoryLayout<Float>.stride
            + nodes * (MemoryLayout<CodeFactors>.stride + code.codeBytes)
    }

    /// Codes that are still to be made, or that others make.
    ///
    /// - Parameters:
    ///   - room: `bytes` bytes, aligned for any type.
    ///   - memory: for one's own work.
    /// - Returns: nil for an index without codes.
    init?(
        _ meta: HnswMeta, nodes: Int, in room: UnsafeMutableRawPointer, _ memory: ServerMemory
    ) throws(ServerError) {
        guard let bits = meta.bits else { return nil }
        encoder = try VectorEncoder(
            dimensions: meta.dimensions, bits: bits, rotationSeed: meta.rotationSeed, in: memory)
        let padded = encoder.code.paddedDimensions
        centre = room.assumingMemoryBound(to: Float.self)
        let factors = room + padded * MemoryLayout<Float>.stride
        self.factors = factors.assumingMemoryBound(to: CodeFactors.self)
        bytes = (factors + nodes * MemoryLayout<CodeFactors>.stride)
            .assumingMemoryBound(to: UInt8.self)
        rotated = try memory.allocate(padded, of: Float.self, zeroed: true)
        self.nodes = nodes
        self.memory = memory
    }

    /// Computes the centre, which comes before any code.
    func setCentre(of graph: MemoryGraph<ServerMemory>) throws(ServerError) {
        let dimensions = encoder.code.dimensions
        let sums = try memory.allocate(dimensions, of: Double.self, zeroed: true)
        for node in 0..<graph.count {
            if node % 1024 == 0 { try checkInterrupts() }
            let vector = graph.vector(at: node)
            for component in 0..<dimensions { sums[component] += Double(vector[component]) }
        }
        for component in 0..<dimensions {
            rotated[component] = Float(sums[component] / Double(max(graph.count, 1)))
        }
        memory.free(sums)
        centre.update(repeating: 0, count: encoder.code.paddedDimensions)
        encoder.rotate(rotated, into: centre)
    }

    /// The number of pieces of work that the codes are.
    var pieces: Int { (nodes + Self.nodesPerPiece - 1) / Self.nodesPerPiece }

    /// Makes a piece of the codes, from 0.
    func encode(piece: Int, of graph: MemoryGraph<ServerMemory>) {
        let first = piece * Self.nodesPerPiece
        for node in first..<min(first + Self.nodesPerPiece, nodes) {
            encoder.rotate(graph.vector(at: node), into: rotated)
            factors[node] = encoder.encode(rotated, from: centre)
            (bytes + node * encoder.code.codeBytes)
                .copy(from: encoder.bytes, count: encoder.code.codeBytes)
        }
    }

    /// The code of a node.
    subscript(node: Int) -> HnswCode {
        HnswCode(
            bytes: UnsafePointer(bytes + node * encoder.code.codeBytes), factors: factors[node])
    }
}
