import CPostgres
import PostgresServer

/// `pase_ivfflat(internal)`: what the access method can do.
@_cdecl("pase_ivfflat_handler_body")
func ivfflatHandler(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let routine = try makeRoutine()
        pase_ivfflat_fill_routine(routine)
        return pase_pointer_datum(routine)
    }
}

/// `amoptions`.
@_cdecl("pase_ivfflat_options_body")
func ivfflatOptions(_ options: Datum, _ validate: Bool) -> UnsafeMutablePointer<bytea>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        try IvfflatOptions.parse(options, validate: validate)
    }
}

/// `amproperty`.
@_cdecl("pase_ivfflat_property_body")
func ivfflatProperty(
    _ index: Oid, _ attribute: Int32, _ property: IndexAMProperty,
    _ result: UnsafeMutablePointer<Bool>?, _ isNull: UnsafeMutablePointer<Bool>?
) -> Bool {
    isDistanceOrderable(attribute, property, result)
}

/// The phases of a build, as `pg_stat_progress_create_index` shows them. The first is the server's own.
enum IvfflatPhase: Int64 {
    case sampling = 2
    case clustering = 3
    case assigning = 4
    case sorting = 5
    case writing = 6

    /// The name, nil for a number that is no phase of ours.
    static func name(_ phase: Int64) -> StaticString? {
        switch phase {
        case 1: return "initializing"
        case sampling.rawValue: return "sampling table"
        case clustering.rawValue: return "performing k-means"
        case assigning.rawValue: return "assigning rows to lists"
        case sorting.rawValue: return "sorting rows by list"
        case writing.rawValue: return "writing pages"
        default: return nil
        }
    }
}

/// `ambuildphasename`.
@_cdecl("pase_ivfflat_build_phase_name_body")
func ivfflatBuildPhaseName(_ phase: Int64) -> UnsafePointer<CChar>? {
    IvfflatPhase.name(phase).map { cString($0) }
}
