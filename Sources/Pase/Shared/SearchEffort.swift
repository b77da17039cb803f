import CPostgres
import NearestNeighbors
import PostgresServer

/// How hard a search looks: what the query's second field says, else the session's setting, else the index.
///
/// Scans and the planner ask here, so that a plan is made for the search that will run.
enum SearchEffort {
    /// Candidates of a search in a graph.
    ///
    /// - Parameter effort: the query's second field; nil if it is left out, or not known.
    static func ef(_ effort: Int?, _ options: HnswOptions) -> Int {
        if let effort { return effort }
        let setting = Int(pase_setting_ef_search())
        return setting > 0 ? setting : options.efSearch
    }

    /// The share of the lists to probe, per mille. What a query says may be out of range.
    ///
    /// - Parameter effort: as above.
    static func perMille(_ effort: Int?) -> Int {
        if let effort { return effort }
        let setting = Int(pase_setting_probes())
        return setting > 0 ? setting : IvfflatOptions.defaultPerMille
    }

    /// Makes `pase.ef_search` and `pase.probes` known to the server. Once per session.
    static func defineSettings() throws(ServerError) {
        try check(
            pase_define_settings(
                QueryLimits.maximumExtra, Int32(IvfflatOptions.maximumPerMille)))
    }
}
