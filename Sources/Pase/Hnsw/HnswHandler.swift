import CPostgres
import PostgresServer

/// `pase_hnsw(internal)`: what the access method can do.
@_cdecl("pase_hnsw_handler_body")
func hnswHandler(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let routine = try makeRoutine()
        pase_hnsw_fill_routine(routine)
        return pase_pointer_datum(routine)
    }
}

/// `amoptions`.
@_cdecl("pase_hnsw_options_body")
func hnswOptions(_ options: Datum, _ validate: Bool) -> UnsafeMutablePointer<bytea>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        try HnswOptions.parse(options, validate: validate)
    }
}

/// `amproperty`: columns can be ordered by distance.
@_cdecl("pase_hnsw_property_body")
func hnswProperty(
    _ index: Oid, _ attribute: Int32, _ property: IndexAMProperty,
    _ result: UnsafeMutablePointer<Bool>?, _ isNull: UnsafeMutablePointer<Bool>?
) -> Bool {
    isDistanceOrderable(attribute, property, result)
}

/// The phases of a build, as `pg_stat_progress_create_index` shows them. The first is the server's own.
enum HnswPhase: Int64 {
    case loading = 2
    case insertingOnPages = 3
    case writing = 4
    case collecting = 5

    /// The name, nil for a number that is no phase of ours.
    static func name(_ phase: Int64) -> StaticString? {
        switch phase {
        case 1: return "initializing"
        case collecting.rawValue: return "scanning table"
        case loading.rawValue: return "building graph in memory"
        case insertingOnPages.rawValue: return "building graph on pages"
        case writing.rawValue: return "writing pages"
        default: return nil
        }
    }
}

/// `ambuildphasename`.
@_cdecl("pase_hnsw_build_phase_name_body")
func hnswBuildPhaseName(_ phase: Int64) -> UnsafePointer<CChar>? {
    HnswPhase.name(phase).map { cString($0) }
}
